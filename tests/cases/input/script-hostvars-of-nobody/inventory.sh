#!/bin/sh
echo '{"web": ["web1"], "_meta": {"hostvars": {"web1": {"x": 1}, "wbe1": {"x": 2}, "other": {}}}}'
