//! Lists whose words have a grammar of their own: filters, paths with marks, variables, devices.

use std::collections::BTreeSet;

use super::super::super::size::Size;
use super::super::super::words::split_words;
use super::word::{simplified, written};
use super::{BLANKS, number};

/// A filter: words, `~` before them for all others. The words of one assignment are a set.
pub(super) fn filter(kind: &str, value: &str) -> Result<String, String> {
    let (mark, rest) = value.strip_prefix('~').map_or(("", value), |rest| ("~", rest));
    if kind == "namespaces"
        && mark.is_empty()
        && let Ok(read) = number::boolean(rest)
    {
        return Ok(read);
    }
    if kind == "address-families" && value == "none" {
        return Ok(value.to_owned());
    }
    let mut words = BTreeSet::new();
    for word in split_words(rest).map_err(|error| error.to_string())? {
        words.insert(filter_word(kind, &word)?);
    }
    Ok(format!("{mark}{}", written(&words.into_iter().collect::<Vec<_>>())))
}

fn filter_word(kind: &str, word: &str) -> Result<String, String> {
    const NAMESPACES: [&str; 8] = ["cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"];
    match kind {
        // `CAP_CHOWN` in any case; systemd passes over a name that it does not know without a word.
        "capabilities" => Ok(word.to_ascii_uppercase()),
        "namespaces" if !NAMESPACES.contains(&word) => {
            Err(format!("`{word}` is no kind of namespace: {}", NAMESPACES.join(", ")))
        }
        "address-families" => match word {
            "AF_LOCAL" => Ok("AF_UNIX".to_owned()),
            "AF_ROUTE" => Ok("AF_NETLINK".to_owned()),
            _ if word.strip_prefix("AF_").is_some_and(|name| FAMILIES.contains(&name)) => Ok(word.to_owned()),
            _ => Err(format!("`{word}` is no address family: write AF_INET or its like, or `none` alone")),
        },
        "system-calls" => system_call(word),
        _ => Ok(word.to_owned()),
    }
}

/// Names of system calls differ between machines, so only what can be none is refused.
fn system_call(word: &str) -> Result<String, String> {
    if let Some(group) = word.strip_prefix('@') {
        let known = CALL_GROUPS.contains(&group.split(':').next().unwrap_or(group));
        return if known { Ok(word.to_owned()) } else { Err(format!("`{word}` is no group of system calls")) };
    }
    let name = word.split(':').next().unwrap_or(word);
    let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if name.is_empty() || !name.chars().all(letters) {
        return Err(format!("`{word}` is no name of a system call"));
    }
    Ok(word.to_owned())
}

const FAMILIES: [&str; 46] = [
    "UNIX",
    "INET",
    "AX25",
    "IPX",
    "APPLETALK",
    "NETROM",
    "BRIDGE",
    "ATMPVC",
    "X25",
    "INET6",
    "ROSE",
    "DECnet",
    "NETBEUI",
    "SECURITY",
    "KEY",
    "NETLINK",
    "PACKET",
    "ASH",
    "ECONET",
    "ATMSVC",
    "RDS",
    "SNA",
    "IRDA",
    "PPPOX",
    "WANPIPE",
    "LLC",
    "IB",
    "MPLS",
    "CAN",
    "TIPC",
    "BLUETOOTH",
    "IUCV",
    "RXRPC",
    "ISDN",
    "PHONET",
    "IEEE802154",
    "CAIF",
    "ALG",
    "NFC",
    "VSOCK",
    "KCM",
    "QIPCRTR",
    "SMC",
    "XDP",
    "MCTP",
    "UNSPEC",
];

const CALL_GROUPS: [&str; 30] = [
    "default",
    "aio",
    "basic-io",
    "chown",
    "clock",
    "cpu-emulation",
    "debug",
    "file-system",
    "io-event",
    "ipc",
    "keyring",
    "memlock",
    "module",
    "mount",
    "network-io",
    "obsolete",
    "pkey",
    "privileged",
    "process",
    "raw-io",
    "reboot",
    "resources",
    "sandbox",
    "setuid",
    "signal",
    "swap",
    "sync",
    "system-service",
    "timer",
    "known",
];

/// Of control groups.
pub(super) const CONTROLLERS: &str = "cpu,cpuacct,cpuset,io,blkio,memory,devices,pids,bpf-firewall,bpf-devices,bpf-foreign,bpf-socket-bind,bpf-restrict-network-interfaces";

/// Some of `WORD,WORD@SINCE,…`, sorted.
pub(super) fn words_of(known: &str, value: &str) -> Result<String, String> {
    let known: Vec<&str> = known.split(',').map(|word| word.split('@').next().unwrap_or(word)).collect();
    let words: BTreeSet<&str> = value.split(BLANKS).filter(|word| !word.is_empty()).collect();
    match words.iter().find(|word| !known.contains(word)) {
        Some(word) => Err(format!("`{word}` is none of its words: {}", known.join(", "))),
        None => Ok(words.into_iter().collect::<Vec<_>>().join(" ")),
    }
}

/// Words between blanks, in which a quote is a letter like any other.
pub(super) fn plain_words(value: &str) -> String {
    value.split(BLANKS).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Names of users and groups.
pub(super) fn groups(value: &str) -> Result<String, String> {
    let words = plain_words(value);
    for word in words.split(' ') {
        super::word::user(word)?;
    }
    Ok(words)
}

/// Names of environment variables, and where `assignments` is said, values for them.
pub(super) fn variables(value: &str, assignments: bool) -> Result<String, String> {
    let words = split_words(value).map_err(|error| error.to_string())?;
    for word in &words {
        let name = if assignments { word.split('=').next().unwrap_or(word) } else { word };
        super::command::variable(name)?;
    }
    Ok(written(&words))
}

/// Fields of the journal.
pub(super) fn fields(value: &str) -> Result<String, String> {
    let words = split_words(value).map_err(|error| error.to_string())?;
    for word in &words {
        let letters = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
        let name = word.split_once('=').map(|(name, _)| name).unwrap_or_default();
        if name.is_empty() || name.starts_with(|c: char| c == '_' || c.is_ascii_digit()) || !name.chars().all(letters) {
            return Err(format!("`{word}` is no field of the journal: write NAME=value, in capitals"));
        }
    }
    Ok(written(&words))
}

/// Paths with `-` (it may be missing) and `+` (below the unit's root) before them.
pub(super) fn marked_paths(value: &str) -> Result<String, String> {
    let words = split_words(value).map_err(|error| error.to_string())?;
    let read = words.iter().map(|word| {
        let (optional, rest) = word.strip_prefix('-').map_or(("", word.as_str()), |rest| ("-", rest));
        let (rooted, rest) = rest.strip_prefix('+').map_or(("", rest), |rest| ("+", rest));
        Ok(format!("{optional}{rooted}{}", super::word::path(rest)?))
    });
    Ok(written(&read.collect::<Result<Vec<String>, String>>()?))
}

/// `[-]SOURCE[:TARGET[:rbind|norbind]]`.
pub(super) fn binds(value: &str) -> Result<String, String> {
    let words = split_words(value).map_err(|error| error.to_string())?;
    let read = words.iter().map(|word| {
        // A colon that is escaped belongs to a path; of such a word only the spelling is kept.
        if word.contains('\\') {
            return Ok(word.clone());
        }
        let (optional, rest) = word.strip_prefix('-').map_or(("", word.as_str()), |rest| ("-", rest));
        let mut parts = rest.splitn(3, ':');
        let source = super::word::path(parts.next().unwrap_or_default())?;
        let target = parts.next().map_or(Ok(source.clone()), super::word::path)?;
        match parts.next() {
            None | Some("" | "rbind") => Ok(format!("{optional}{source}:{target}")),
            Some("norbind") => Ok(format!("{optional}{source}:{target}:norbind")),
            Some(other) => Err(format!("`{other}` is neither rbind nor norbind")),
        }
    });
    Ok(written(&read.collect::<Result<Vec<String>, String>>()?))
}

/// `PATH[:OPTIONS]`.
pub(super) fn mounts(value: &str) -> Result<String, String> {
    let words = split_words(value).map_err(|error| error.to_string())?;
    let read = words.iter().map(|word| {
        let (path, options) = word.split_once(':').unwrap_or((word, ""));
        let path = super::word::path(path)?;
        Ok(if options.is_empty() { path } else { format!("{path}:{options}") })
    });
    Ok(written(&read.collect::<Result<Vec<String>, String>>()?))
}

/// Paths with colons between them.
pub(super) fn search_path(value: &str) -> Result<String, String> {
    let paths: Result<Vec<String>, String> = value.split(':').map(super::word::path).collect();
    Ok(paths?.join(":"))
}

/// Directories below the one that the setting is about, each with the links that shall lead to it.
pub(super) fn directories(value: &str) -> Result<String, String> {
    let words = split_words(value).map_err(|error| error.to_string())?;
    let read = words.iter().map(|word| {
        let path = word.split(':').next().unwrap_or(word);
        let bad = path.starts_with('/') || path.split('/').any(|part| part == "..") || simplified(path).is_empty();
        if bad {
            return Err(format!(
                "`{path}` has to lie below the directory that the setting is about, so without / before it"
            ));
        }
        Ok(format!("{}{}", simplified(path), &word[path.len()..]))
    });
    Ok(written(&read.collect::<Result<Vec<String>, String>>()?))
}

/// The kinds of memory that are dumped, as the kernel's mask.
pub(super) fn coredump_filter(value: &str) -> Result<String, String> {
    const KINDS: [&str; 9] = [
        "private-anonymous",
        "shared-anonymous",
        "private-file-backed",
        "shared-file-backed",
        "elf-headers",
        "private-huge",
        "shared-huge",
        "private-dax",
        "shared-dax",
    ];
    let mut mask = 0_u64;
    for word in value.split(BLANKS).filter(|word| !word.is_empty()) {
        let digits = word.strip_prefix("0x").unwrap_or(word);
        mask |= match KINDS.iter().position(|kind| *kind == word) {
            Some(bit) => 1 << bit,
            None if word == "default" => 0x33,
            None if word == "all" => u64::from(u32::MAX),
            None => u64::from_str_radix(digits, 16)
                .map_err(|_| format!("`{word}` is neither default, all, a mask, nor one of {}", KINDS.join(", ")))?,
        };
    }
    Ok(format!("0x{mask:x}"))
}

/// `DEVICE [rwm]`.
pub(super) fn device_access(value: &str) -> Result<String, String> {
    let (device, access) = device_and(value)?;
    let node = device.strip_prefix("/dev/").or_else(|| device.strip_prefix("/run/systemd/inaccessible/"));
    let class = device.starts_with("char-") || device.starts_with("block-");
    if node.is_none() && !class {
        return Err(format!("`{device}` is neither a path in /dev nor char-NAME nor block-NAME"));
    }
    if let Some(other) = access.chars().find(|c| !"rwm".contains(*c)) {
        return Err(format!("`{other}` is none of r, w and m"));
    }
    let access: String = "rwm".chars().filter(|c| access.is_empty() || access.contains(*c)).collect();
    Ok(format!("{device} {access}"))
}

/// `DEVICE VALUE`: a weight, a length of time, or a number per second, which counts in thousands.
pub(super) fn of_device(kind: &str, value: &str) -> Result<String, String> {
    let (device, of_it) = device_and(value)?;
    if of_it.is_empty() {
        return Err(format!("after `{device}` a value is missing"));
    }
    let read = match kind {
        "device-weight" => number::integer(&of_it, 1, 10_000)?,
        "device-old-weight" => number::integer(&of_it, 10, 1000)?,
        "device-timespan" => number::timespan(&of_it)?,
        _ if of_it == "infinity" => of_it,
        _ => {
            let read = Size::parse_decimal(&of_it).map_err(|error| format!("`{of_it}` is no number: {error}"))?;
            if read.bytes() == 0 {
                return Err("a limit of 0 is none: write infinity".to_owned());
            }
            read.bytes().to_string()
        }
    };
    Ok(format!("{device} {read}"))
}

fn device_and(value: &str) -> Result<(String, String), String> {
    let words = split_words(value).map_err(|error| error.to_string())?;
    let (device, rest) = words.split_first().ok_or_else(|| "no device is given".to_owned())?;
    Ok((simplified(device), rest.join(" ")))
}

#[cfg(test)]
mod tests {
    use super::super::read;

    #[test]
    fn what_means_the_same_is_spelled_the_same() {
        for (kind, one, other) in [
            ("capabilities", "cap_kill CAP_CHOWN", "CAP_CHOWN CAP_KILL"),
            ("address-families", "AF_LOCAL", "AF_UNIX"),
            ("namespaces", "true", "yes"),
            ("marked-paths", "-/a//b /c/", "-/a/b /c"),
            ("binds", "/a", "/a:/a:rbind"),
            ("mounts", "/a//b:", "/a/b"),
            ("directories", "a//b/ c", "a/b c"),
            ("coredump-filter", "private-anonymous shared-anonymous", "0x3"),
            ("device-access", "/dev//null mwr", "/dev/null"),
            ("device-rate", "/dev/sda 5M", "/dev/sda  5000K"),
            ("device-timespan", "/dev/sda 25ms", "/dev/sda 0.025s"),
            ("words-of:a,b@250", "b a", "a  b a"),
        ] {
            assert_eq!(read(kind, one), read(kind, other), "{kind}");
            assert!(read(kind, one).is_ok(), "{kind} {one}: {:?}", read(kind, one));
        }
    }
}
