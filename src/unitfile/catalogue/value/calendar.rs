//! Calendar events: `Mon..Fri *-*-* 08:00` (systemd.time(7)), read into systemd's own normalized form.
//!
//! Compared with `systemd-analyze calendar` of 247, 252 and 257 (`tests/cases/catalogue/calendar.txt`). Names of time
//! zones are not looked up: what looks like one is taken for one.

use std::fmt::Write as _;

/// The normalized form, as `systemd-analyze calendar` prints it; or why it is no calendar event.
pub fn normalize(text: &str) -> Result<String, String> {
    parse(text).map(|event| event.to_string()).ok_or_else(|| {
        format!("`{text}` is no calendar event: write daily, Mon..Fri 08:00, or *-*-01 04:00:00 (systemd.time(7))")
    })
}

/// A calendar event. An empty list of ranges stands for `*`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Event {
    /// Bit 0 is Monday; `None`: any day.
    weekdays: Option<u8>,
    year: Chain,
    month: Chain,
    day: Chain,
    /// Days are counted from the end of the month.
    end_of_month: bool,
    hour: Chain,
    minute: Chain,
    /// In microseconds.
    second: Chain,
    zone: Option<String>,
}

type Chain = Vec<Range>;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Range {
    start: u32,
    stop: Option<u32>,
    repeat: u32,
}

const SECOND: u32 = 1_000_000;

const DAYS: [(&str, &str); 7] = [
    ("monday", "mon"),
    ("tuesday", "tue"),
    ("wednesday", "wed"),
    ("thursday", "thu"),
    ("friday", "fri"),
    ("saturday", "sat"),
    ("sunday", "sun"),
];

const SHORT: [(&str, &str); 13] = [
    ("minutely", "*-*-* *:*:00"),
    ("hourly", "*-*-* *:00:00"),
    ("daily", "*-*-* 00:00:00"),
    ("weekly", "Mon *-*-* 00:00:00"),
    ("monthly", "*-*-01 00:00:00"),
    ("yearly", "*-01-01 00:00:00"),
    ("annually", "*-01-01 00:00:00"),
    ("anually", "*-01-01 00:00:00"),
    ("quarterly", "*-01,04,07,10-01 00:00:00"),
    ("semiannually", "*-01,07-01 00:00:00"),
    ("semi-annually", "*-01,07-01 00:00:00"),
    ("biannually", "*-01,07-01 00:00:00"),
    ("bi-annually", "*-01,07-01 00:00:00"),
];

fn parse(text: &str) -> Option<Event> {
    let (text, zone) = split_zone(text);
    if text.is_empty() {
        return None;
    }
    if let Some(seconds) = text.strip_prefix('@') {
        return zone.is_none().then(|| of_timestamp(seconds)).flatten();
    }
    let lower = text.to_ascii_lowercase();
    let text = SHORT.iter().find(|(name, _)| *name == lower).map_or(text, |(_, event)| event);
    let (weekdays, rest) = weekdays(text)?;
    let (date, rest) = date(rest)?;
    let (hour, minute, second) = time(rest)?;
    let (year, month, day, end_of_month) = date;
    let event = Event {
        weekdays: weekdays.filter(|bits| *bits != 0x7f),
        year: year.into_iter().map(full_year).collect(),
        month,
        day,
        end_of_month,
        hour,
        minute,
        second,
        zone: zone.map(str::to_owned),
    };
    event.normalized()
}

/// `@SECONDS` since the epoch.
fn of_timestamp(seconds: &str) -> Option<Event> {
    let digits = !seconds.is_empty() && seconds.bytes().all(|b| b.is_ascii_digit());
    let time = jiff::Timestamp::from_second(seconds.parse().ok().filter(|_| digits)?).ok()?;
    let text = time.strftime("%Y-%m-%d %H:%M:%S").to_string();
    parse(&format!("{text} UTC"))
}

/// What follows the last blank, if it looks like a time zone.
fn split_zone(text: &str) -> (&str, Option<&str>) {
    let Some((head, last)) = text.rsplit_once(' ') else { return (text, None) };
    let upper = last.starts_with(|c: char| c.is_ascii_uppercase());
    let letters = last.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '/' | '+' | '-'));
    let is_day = DAYS.iter().any(|(long, short)| {
        let lower = last.to_ascii_lowercase();
        lower.starts_with(short)
            && (lower.len() == 3
                || lower.starts_with(long)
                || !last[3..].starts_with(|c: char| c.is_ascii_alphabetic()))
    });
    if last.eq_ignore_ascii_case("UTC") {
        return (head, Some("UTC"));
    }
    if upper && letters && !is_day { (head, Some(last)) } else { (text, None) }
}

/// Days of the week at the beginning; the rest without the blank behind them.
fn weekdays(text: &str) -> Option<(Option<u8>, &str)> {
    let mut bits = 0_u8;
    let mut from: Option<usize> = None;
    let mut rest = text;
    loop {
        let Some((day, after)) = weekday(rest) else {
            // Nothing was read: there are no days. A range or list that breaks off is a mistake.
            return (bits == 0 && from.is_none() && rest.len() == text.len()).then_some((None, text));
        };
        match from.take() {
            Some(first) if first > day => return None,
            Some(first) => (first..=day).for_each(|day| bits |= 1 << day),
            None => bits |= 1 << day,
        }
        if let Some(after) = after.strip_prefix("..") {
            from = Some(day);
            rest = after;
        } else if let Some(after) = after.strip_prefix('-') {
            from = Some(day);
            rest = after;
        } else if let Some(after) = after.strip_prefix(',') {
            // A comma may end the list.
            let blank = after.trim_start_matches(' ');
            if blank.len() < after.len() || after.is_empty() {
                return Some((Some(bits), blank));
            }
            rest = after;
        } else if after.is_empty() || after.starts_with(' ') {
            return Some((Some(bits), after.trim_start_matches(' ')));
        } else {
            return None;
        }
    }
}

fn weekday(text: &str) -> Option<(usize, &str)> {
    for (at, (long, short)) in DAYS.iter().enumerate() {
        for name in [long, short] {
            if text.get(..name.len()).is_some_and(|head| head.eq_ignore_ascii_case(name)) {
                let after = &text[name.len()..];
                if after.is_empty() || after.starts_with(['-', '.', ',', ' ']) {
                    return Some((at, after));
                }
            }
        }
    }
    None
}

type Date = (Chain, Chain, Chain, bool);

/// The date, if one comes first; the rest without the blanks behind it.
fn date(text: &str) -> Option<(Date, &str)> {
    let none = (Chain::new(), Chain::new(), Chain::new(), false);
    if text.is_empty() {
        return Some((none, text));
    }
    let (first, rest) = chain(text, false)?;
    if rest.is_empty() || rest.starts_with(':') {
        return Some((none, text));
    }
    let (from_end, rest) = dash(rest)?;
    let (second, rest) = chain(rest, false)?;
    if rest.is_empty() || rest.starts_with(' ') {
        return Some(((Chain::new(), first, second, from_end), rest.trim_start_matches(' ')));
    }
    if from_end {
        return None;
    }
    let (from_end, rest) = dash(rest)?;
    let (third, rest) = chain(rest, false)?;
    if rest.is_empty() || rest.starts_with(' ') {
        return Some(((first, second, third, from_end), rest.trim_start_matches(' ')));
    }
    None
}

fn dash(text: &str) -> Option<(bool, &str)> {
    text.strip_prefix('~').map(|rest| (true, rest)).or_else(|| text.strip_prefix('-').map(|rest| (false, rest)))
}

/// The time; midnight where there is none.
fn time(text: &str) -> Option<(Chain, Chain, Chain)> {
    let zero = || vec![Range { start: 0, stop: None, repeat: 0 }];
    if text.is_empty() {
        return Some((zero(), zero(), zero()));
    }
    let (hour, rest) = chain(text, false)?;
    let (minute, rest) = chain(rest.strip_prefix(':')?, false)?;
    if rest.is_empty() {
        return Some((hour, minute, zero()));
    }
    let (second, rest) = chain(rest.strip_prefix(':')?, true)?;
    rest.is_empty().then_some((hour, minute, second))
}

/// `*`, or numbers and ranges with commas between them.
fn chain(text: &str, seconds: bool) -> Option<(Chain, &str)> {
    /// As systemd.
    const MOST: usize = 240;
    if let Some(rest) = text.strip_prefix('*') {
        let every = Range { start: 0, stop: None, repeat: SECOND };
        return Some((if seconds { vec![every] } else { Chain::new() }, rest));
    }
    let mut found = Chain::new();
    let mut rest = text;
    loop {
        let (start, after) = number(rest, seconds)?;
        let mut range = Range { start, stop: None, repeat: 0 };
        rest = after;
        if let Some(after) = rest.strip_prefix("..") {
            let (stop, after) = number(after, seconds)?;
            range.stop = Some(stop);
            range.repeat = if seconds { SECOND } else { 1 };
            rest = after;
        }
        if let Some(after) = rest.strip_prefix('/') {
            let (repeat, after) = number(after, seconds)?;
            range.repeat = Some(repeat).filter(|repeat| *repeat > 0)?;
            rest = after;
        }
        if !(rest.is_empty() || rest.starts_with([' ', ',', '-', '~', ':'])) {
            return None;
        }
        found.push(range);
        match rest.strip_prefix(',') {
            Some(after) if found.len() < MOST => rest = after,
            Some(_) => return None,
            None => return Some((found, rest)),
        }
    }
}

/// Digits; of seconds, microseconds, rounded to six places behind the point.
fn number(text: &str, seconds: bool) -> Option<(u32, &str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let whole: u32 = text[..digits].parse().ok()?;
    let rest = &text[digits..];
    if !seconds {
        return Some((whole, rest));
    }
    let micros = whole.checked_mul(SECOND)?;
    let Some(after) = rest.strip_prefix('.').filter(|after| after.starts_with(|c: char| c.is_ascii_digit())) else {
        return Some((micros, rest));
    };
    let places = after.bytes().take_while(u8::is_ascii_digit).count();
    let kept = places.min(6);
    let part: u32 = format!("{:0<6}", &after[..kept]).parse().ok()?;
    // The seventh place rounds.
    let up = u32::from(after.as_bytes().get(6).is_some_and(|digit| (b'5'..=b'9').contains(digit)));
    Some((micros.checked_add(part + up)?, &after[places..]))
}

/// `24` is 2024, `99` is 1999.
fn full_year(range: Range) -> Range {
    let full = |year: u32| match year {
        0..70 => year + 2000,
        70..100 => year + 1900,
        _ => year,
    };
    Range { start: full(range.start), stop: range.stop.map(full), ..range }
}

impl Event {
    fn normalized(mut self) -> Option<Self> {
        self.end_of_month &= !self.day.is_empty();
        let from_end = self.end_of_month;
        for (chain, least, most, from_end) in [
            (&mut self.year, 1970, 2199, false),
            (&mut self.month, 1, 12, false),
            (&mut self.day, 1, 31, from_end),
            (&mut self.hour, 0, 23, false),
            (&mut self.minute, 0, 59, false),
            (&mut self.second, 0, 60 * SECOND - 1, false),
        ] {
            for range in chain.iter_mut() {
                *range = range.normalized();
            }
            chain.sort();
            chain.dedup();
            let mut most = most;
            for range in chain.iter() {
                // Not more than 28 days from the end of the month; systemd takes three more off for each further number.
                if from_end {
                    most = u32::checked_sub(most, 3)?;
                }
                if !range.is_valid(least, most, from_end) {
                    return None;
                }
            }
        }
        Some(self)
    }
}

impl Range {
    /// As systemd's `chain_valid`.
    fn is_valid(self, least: u32, most: u32, from_end: bool) -> bool {
        let fits = |number: u32| (least..=most).contains(&number);
        if !fits(self.start) || self.repeat > most - least {
            return false;
        }
        match self.stop {
            Some(stop) => fits(stop) && self.start + self.repeat <= stop,
            None if from_end => self.start >= least + self.repeat,
            None => self.start + self.repeat <= most,
        }
    }

    /// The end is what is really reached; a range of one is a number.
    fn normalized(self) -> Self {
        let Some(stop) = self.stop else { return self };
        if stop > self.start && self.repeat > 0 {
            let stop = stop - (stop - self.start) % self.repeat;
            if stop == self.start {
                return Self { stop: None, repeat: 0, ..self };
            }
            return Self { stop: Some(stop), ..self };
        }
        if stop == self.start { Self { stop: None, repeat: 0, ..self } } else { self }
    }
}

impl std::fmt::Display for Event {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(bits) = self.weekdays {
            write!(f, "{} ", shown_weekdays(bits))?;
        }
        let dash = if self.end_of_month { '~' } else { '-' };
        let (year, month, day) =
            (shown(&self.year, 4, false), shown(&self.month, 2, false), shown(&self.day, 2, false));
        write!(f, "{year}-{month}{dash}{day} ")?;
        let (hour, minute) = (shown(&self.hour, 2, false), shown(&self.minute, 2, false));
        write!(f, "{hour}:{minute}:{}", shown(&self.second, 2, true))?;
        self.zone.as_ref().map_or(Ok(()), |zone| write!(f, " {zone}"))
    }
}

fn shown_weekdays(bits: u8) -> String {
    let name = |day: usize| {
        let short = DAYS[day].1;
        format!("{}{}", short[..1].to_uppercase(), &short[1..])
    };
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for day in (0..7).filter(|day| bits & (1 << day) != 0) {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == day => *last = day,
            _ => runs.push((day, day)),
        }
    }
    let runs = runs.into_iter().map(|(first, last)| match last - first {
        0 => name(first),
        1 => format!("{},{}", name(first), name(last)),
        _ => format!("{}..{}", name(first), name(last)),
    });
    runs.collect::<Vec<_>>().join(",")
}

fn shown(chain: &Chain, width: usize, seconds: bool) -> String {
    if chain.is_empty() || seconds && chain.as_slice() == [(Range { start: 0, stop: None, repeat: SECOND })] {
        return "*".to_owned();
    }
    let step = if seconds { SECOND } else { 1 };
    let number = |value: u32, width: usize| {
        let (whole, part) = (value / step, value % step);
        if part == 0 { format!("{whole:0width$}") } else { format!("{whole:0width$}.{part:06}") }
    };
    let mut text = String::new();
    for range in chain {
        let comma = if text.is_empty() { "" } else { "," };
        let _ignored = write!(text, "{comma}{}", number(range.start, width));
        if let Some(stop) = range.stop {
            let _ignored = write!(text, "..{}", number(stop, width));
        }
        if range.repeat > 0 && !(range.stop.is_some() && range.repeat == step) {
            let _ignored = write!(text, "/{}", number(range.repeat, 1));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_normalized() {
        for (text, normalized) in [
            ("daily", "*-*-* 00:00:00"),
            ("Mon..Fri 8:00", "Mon..Fri *-*-* 08:00:00"),
            ("Sat,Sun", "Sat,Sun *-*-* 00:00:00"),
            ("*:0/15", "*-*-* *:00/15:00"),
            ("24-1-5 UTC", "2024-01-05 00:00:00 UTC"),
            ("*-*~03", "*-*~03 00:00:00"),
            ("Mon..Sun 12:00", "*-*-* 12:00:00"),
            ("1..5:00", "*-*-* 01..05:00:00"),
            ("*-*-* *:*:*", "*-*-* *:*:*"),
            ("00:00:00.5", "*-*-* 00:00:00.500000"),
            ("Wed *-1 Europe/Berlin", "Wed *-*-01 00:00:00 Europe/Berlin"),
        ] {
            assert_eq!(normalize(text).as_deref(), Ok(normalized), "{text}");
        }
    }

    #[test]
    fn systemd_says_the_same() {
        let cases = include_str!("../../../../tests/cases/catalogue/calendar.txt");
        let (mut count, mut wrong) = (0, Vec::new());
        for line in cases.lines().filter(|line| !line.starts_with('#')) {
            let (text, normalized) = line.split_once(" => ").unwrap();
            count += 1;
            let found = normalize(text).unwrap_or_else(|_| "refused".to_owned());
            if found != normalized {
                wrong.push(format!("{text} => {normalized}, not {found}"));
            }
        }
        assert_eq!(wrong, [""; 0]);
        assert!(count >= 150, "{count}");
    }
}
