//! What sockets listen on, and which addresses are let through.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::collections::BTreeSet;

use super::BLANKS;

/// A port, an address with a port, a path, an abstract name, or a port of a virtual machine's host.
pub(super) fn listen(value: &str) -> Result<String, String> {
    let wrong = || {
        format!(
            "`{value}` is nothing to listen on: write a port, ADDRESS:PORT with a number as address, /PATH or @NAME"
        )
    };
    if value.starts_with('/') || value.starts_with('@') && value.len() > 1 {
        return Ok(value.to_owned());
    }
    if let Some(rest) = value.strip_prefix("vsock:") {
        let (_, port) = rest.rsplit_once(':').ok_or_else(wrong)?;
        return port.parse::<u32>().map(|_| value.to_owned()).map_err(|_| wrong());
    }
    if let Some(port) = port(value) {
        return Ok(port.to_string());
    }
    let (address, number) = value.rsplit_once(':').ok_or_else(wrong)?;
    let number = port(number).ok_or_else(wrong)?;
    if let Some(six) = address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return six.parse::<Ipv6Addr>().map(|six| format!("[{six}]:{number}")).map_err(|_| wrong());
    }
    address.parse::<Ipv4Addr>().map(|four| format!("{four}:{number}")).map_err(|_| wrong())
}

/// Without a zero before it, and no zero.
fn port(text: &str) -> Option<u16> {
    let digits = text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0');
    text.parse().ok().filter(|_| digits)
}

/// `any`, `localhost` and their like, and prefixes: which addresses they are, together, sorted.
pub(super) fn prefixes(value: &str) -> Result<String, String> {
    let mut found = BTreeSet::new();
    for word in value.split(BLANKS).filter(|word| !word.is_empty()) {
        let known = match word {
            "any" => ["0.0.0.0/0", "::/0"],
            "localhost" => ["127.0.0.0/8", "::1/128"],
            "link-local" => ["169.254.0.0/16", "fe80::/64"],
            "multicast" => ["224.0.0.0/4", "ff00::/8"],
            _ => {
                found.insert(prefix(word)?);
                continue;
            }
        };
        found.extend(known.map(str::to_owned));
    }
    Ok(found.into_iter().collect::<Vec<_>>().join(" "))
}

/// The network that the prefix is of.
fn prefix(word: &str) -> Result<String, String> {
    let wrong =
        || format!("`{word}` is neither an address, ADDRESS/LENGTH, nor any, localhost, link-local or multicast");
    let (address, length) = word.split_once('/').map_or((word, None), |(address, length)| (address, Some(length)));
    let address: IpAddr = address.parse().map_err(|_| wrong())?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let length: u32 = length.map_or(Ok(most), str::parse).map_err(|_| wrong())?;
    let free = most.checked_sub(length).ok_or_else(wrong)?;
    let network: IpAddr = match address {
        IpAddr::V4(four) => Ipv4Addr::from(u32::from(four).checked_shr(free).map_or(0, |kept| kept << free)).into(),
        IpAddr::V6(six) => Ipv6Addr::from(u128::from(six).checked_shr(free).map_or(0, |kept| kept << free)).into(),
    };
    Ok(format!("{network}/{length}"))
}

#[cfg(test)]
mod tests {
    use super::super::read;

    #[test]
    fn addresses_are_spelled_one_way() {
        for (kind, value, spelled) in [
            ("listen", "8080", "8080"),
            ("listen", "[0:0::1]:80", "[::1]:80"),
            ("listen", "/run/x.sock", "/run/x.sock"),
            ("prefixes", "10.1.2.3/16 ::1", "10.1.0.0/16 ::1/128"),
            ("prefixes", "0.0.0.0/0 ::/0", "0.0.0.0/0 ::/0"),
            ("prefixes", "any", "0.0.0.0/0 ::/0"),
            ("prefixes", "1.2.3.4", "1.2.3.4/32"),
        ] {
            assert_eq!(read(kind, value).as_deref(), Ok(spelled), "{value}");
        }
    }
}
