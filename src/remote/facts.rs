//! What a host says of itself: systemd, the clock, the machine.

use super::answer::{named, odd};
use super::frames::Frame;
use super::gather::GatherError;
use super::properties::{Properties, split_words};
use crate::model::{AbsPath, HostFacts, MachineFacts};

pub(super) fn host_facts(frames: &[Frame<'_>]) -> Result<HostFacts, GatherError> {
    let body = |word: &str| named(frames, word).map(Frame::text).collect::<String>();
    let (host, manager) = (body("host"), body("manager"));
    let (host, manager) = (Properties::parse(&host), Properties::parse(&manager));
    let version = manager.filled("Version").ok_or_else(|| odd("systemd's version is missing"))?;
    let digits: String = version.chars().take_while(char::is_ascii_digit).collect();
    let systemd_version = digits.parse().map_err(|_| odd(format!("`{version}` is not a version of systemd")))?;
    if systemd_version < 239 {
        return Err(GatherError::TooOld(systemd_version));
    }
    let time =
        |key: &str| host.get(key).and_then(microseconds).ok_or_else(|| odd(format!("the host's `{key}` is missing")));
    Ok(HostFacts {
        systemd_version,
        systemd_version_text: version.to_owned(),
        uid: host.number("uid").ok_or_else(|| odd("the uid is missing"))?,
        system_state: manager.get("SystemState").unwrap_or_default().to_owned(),
        boot_id: host.get("boot_id").unwrap_or_default().to_owned(),
        now_us: time("now")?,
        uptime_us: time("uptime")?,
        units_load_us: manager.number("UnitsLoadTimestampMonotonic").filter(|time| *time != 0),
        reloaded_us: None,
        unit_path: split_words(manager.get("UnitPath").unwrap_or_default())
            .iter()
            .filter_map(|dir| AbsPath::parse(dir).ok())
            .collect(),
        machine: machine(&host, &manager),
    })
}

fn machine(host: &Properties<'_>, manager: &Properties<'_>) -> MachineFacts {
    let text = |value: Option<&str>| value.map(|value| value.trim_matches('"').to_owned());
    // `MemTotal:       24689700 kB`
    let kibibytes = host.filled("memory").and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    MachineFacts {
        hostname: text(host.filled("hostname")),
        os: text(host.filled("os")),
        os_version: text(host.filled("os_version")),
        kernel: text(host.filled("kernel")),
        architecture: text(manager.filled("Architecture")),
        // systemd says nothing where it found none.
        virtualization: manager
            .get("Virtualization")
            .map(|word| if word.is_empty() { "none" } else { word }.to_owned()),
        cpus: host.filled("cpus").and_then(count_of_ranges),
        memory: kibibytes.map(|kibibytes| kibibytes * 1024),
        systemd_creds: host.get("systemd_creds").is_some(),
    }
}

/// How many numbers `0-3,8` names.
fn count_of_ranges(text: &str) -> Option<u32> {
    text.trim().split(',').try_fold(0_u32, |sum, range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
        sum.checked_add(last.checked_sub(first)?.checked_add(1)?)
    })
}

/// Seconds with any number of decimals as microseconds. What follows the digits (busybox prints `%N` as it is) is dropped.
pub(super) fn microseconds(text: &str) -> Option<i64> {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    let fraction: String = fraction.chars().take_while(char::is_ascii_digit).take(6).collect();
    let micros: i64 = format!("{fraction:0<6}").parse().ok()?;
    let seconds: i64 = seconds.parse().ok()?;
    seconds.checked_mul(1_000_000)?.checked_add(micros)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processors_are_counted_over_gaps() {
        for (text, count) in [("0", Some(1)), ("0-7", Some(8)), ("0-3,8,10-11\n", Some(7)), ("", None), ("3-1", None)] {
            assert_eq!(count_of_ranges(text), count, "{text}");
        }
    }
}
