{% for user, names in databases.items() %}
CREATE OR REPLACE USER {{ user }}@'127.0.0.1' IDENTIFIED BY '{{ cloud.passwords[user] }}';
{% for name in names %}
CREATE DATABASE IF NOT EXISTS {{ name }} CHARACTER SET utf8mb3;
GRANT ALL ON {{ name }}.* TO {{ user }}@'127.0.0.1';
{% endfor %}
{% endfor %}
