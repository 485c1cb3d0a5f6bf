#!/bin/sh
# Any language will do; the name is the documentation's.
cat <<'EOF'
{
    "all": {"vars": {"myvar": 2, "zone": "dynamic"}},
    "dynamic": {"hosts": ["d1", "d2"]},
    "_meta": {"hostvars": {"d1": {"weight": 5}}}
}
EOF
