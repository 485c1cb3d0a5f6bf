//! What was meant by a name that is none.

use super::Directive;
use super::table::catalogue;

/// Directives of the section that are spelled much like `name`, the likest first; at most three.
#[must_use]
pub fn nearest(section: &str, name: &str) -> Vec<&'static Directive> {
    let lower = name.to_lowercase();
    let allowed = (lower.len() / 3).clamp(1, 3);
    let mut found: Vec<(usize, &Directive)> = catalogue()
        .get(section)
        .into_iter()
        .flat_map(|directives| directives.values())
        .map(|directive| (strsim::damerau_levenshtein(&lower, &directive.name.to_lowercase()), directive))
        .filter(|(distance, directive)| *distance <= allowed && directive.name != name)
        .collect();
    found.sort_by_key(|(distance, directive)| (*distance, directive.name));
    found.into_iter().map(|(_, directive)| directive).take(3).collect()
}

/// The sections that have a directive of this name.
#[must_use]
pub fn elsewhere(name: &str) -> Vec<&'static str> {
    catalogue().iter().filter(|(_, directives)| directives.contains_key(name)).map(|(section, _)| *section).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_meant_is_found() {
        let names = |section: &str, name: &str| -> Vec<&str> {
            nearest(section, name).into_iter().map(|directive| directive.name).collect()
        };
        assert_eq!(names("Service", "Enviroment"), ["Environment"]);
        assert_eq!(names("Service", "execstart")[0], "ExecStart");
        assert_eq!(names("Install", "WantBy"), ["WantedBy"]);
        assert_eq!(names("Service", "Zebra"), [""; 0]);
        assert_eq!(names("Nowhere", "Type"), [""; 0]);
        assert_eq!(elsewhere("OnCalendar"), ["Timer"]);
        assert_eq!(elsewhere("What"), ["Mount", "Swap"]);
    }
}
