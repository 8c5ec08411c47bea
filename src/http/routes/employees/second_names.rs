//! Fields of an employee that go by several names.

use crate::domain::FieldError;

/// The first of these names for the same thing that is given, with its text. Others must say the same, or are refused.
pub(super) fn one_of<'a, const N: usize>(
    errors: &mut Vec<FieldError>,
    given: [(&'static str, Option<&'a str>); N],
) -> Option<(&'static str, &'a str)> {
    let mut given = given.into_iter().filter_map(|(field, text)| Some((field, text?)));
    let (first, text) = given.next()?;
    let others = given.filter(|(_, other)| *other != text);
    errors.extend(others.map(|(field, _)| FieldError::new(field, format!("is not the same as {first}"))));
    Some((first, text))
}
