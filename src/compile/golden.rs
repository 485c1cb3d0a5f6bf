//! The built-in templates, rendered and read by a person. `systemd-analyze verify` of 252 has nothing to say about any.

use std::sync::Arc;

use serde_json::json;

use super::filters;
use crate::model::SourceFile;
use crate::render::{Context, Files, Renderer, Search, Site};

#[track_caller]
fn check(name: &str, vars: &serde_json::Value, expected: &str) {
    let renderer = Renderer::new(Search::default(), &Files::new(), filters::register);
    let mut context = Context::default();
    for (name, value) in vars.as_object().unwrap() {
        context.set(name, value);
    }
    let source = SourceFile { name: "play.yaml".to_owned(), text: name.to_owned() };
    let site = Site { source: Arc::new(source), span: 0..name.len() };
    let text = renderer
        .template(&format!("builtin/{name}"), &context, &site)
        .result
        .unwrap_or_else(|error| panic!("{error:?}"));
    assert_eq!(text, expected, "{name}:\n{text}");
}

#[test]
fn web_app_with_the_least() {
    check("web-app.service.j2", &json!({"exec": "/usr/bin/true"}), include_str!("golden/web-app.least"));
}

#[test]
fn web_app_with_everything() {
    check(
        "web-app.service.j2",
        &json!({
            "exec": ["/usr/bin/env", "a b", "50%", "$HOME"],
            "description": "Shop", "user": "www-data", "group": "www-data", "working_directory": "/srv",
            "port": 8080, "environment": {"GREETING": "hello world", "DEBUG": false}, "environment_file": ["/etc/a.env", "-/etc/b.env"],
            "state_directory": "shop", "runtime_directory": "shop", "writable": ["/srv/uploads"],
            "after": ["network.target"], "requires": ["sysinit.target"], "restart": "always", "restart_sec": 1,
            "stop_timeout": 5, "limit_nofile": 1024, "memory_max": "512M", "no_network": true, "privileged_port": true,
            "wanted_by": "graphical.target", "protect_home": "read-only"
        }),
        include_str!("golden/web-app.full"),
    );
}

#[test]
fn worker() {
    check("worker@.service.j2", &json!({"exec": "/usr/bin/sleep %i"}), include_str!("golden/worker.least"));
    check(
        "worker@.service.j2",
        &json!({
            "exec": ["/usr/bin/sleep", "1"], "description": "Resizer %i", "user": "www-data", "group": "www-data",
            "working_directory": "/srv", "environment": {"Q": "x"}, "environment_file": "/etc/w.env",
            "state_directory": "resize", "writable": ["/srv"], "after": ["local-fs.target"], "restart": "on-failure",
            "restart_sec": 1, "stop_timeout": 5, "nice": 5, "memory_max": "1G", "wanted_by": "graphical.target"
        }),
        include_str!("golden/worker.full"),
    );
}

#[test]
fn job_and_timer() {
    check("job.service.j2", &json!({"exec": "/usr/bin/true"}), include_str!("golden/job.least"));
    check(
        "job.service.j2",
        &json!({
            "exec": ["/usr/bin/true", "it's"], "description": "Nightly", "user": "backup", "group": "backup",
            "working_directory": "/var", "environment": {"K": "v"}, "environment_file": "-/etc/b.env", "writable": ["/etc/app"],
            "after": ["network.target"], "timeout": "5min", "nice": 0, "io_class": "idle", "on_failure": ["rescue.target"]
        }),
        include_str!("golden/job.full"),
    );
    check("job.timer.j2", &json!({}), include_str!("golden/timer.least"));
    check(
        "job.timer.j2",
        &json!({
            "on_calendar": ["*-*-* 03:30:00", "Mon 12:00"], "description": "When", "unit": "other.service",
            "persistent": false, "randomized_delay": "15m", "accuracy": "1s"
        }),
        include_str!("golden/timer.full"),
    );
}
