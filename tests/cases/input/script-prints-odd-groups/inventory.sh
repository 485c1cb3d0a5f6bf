#!/bin/sh
cat <<'EOF'
{
  "web": {"host": ["web1"]},
  "db": {"hosts": {"db1": {}}},
  "mail": {"hosts": ["mail[1:3]", 7]},
  "cache": "cache1",
  "ntp": {"hosts": [], "vars": ["x"], "children": ["time servers"]},
  "_meta": {"hostvars": []}
}
EOF
