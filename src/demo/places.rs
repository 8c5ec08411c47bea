//! Places of meetings, and phone numbers that regulators never assign.

use super::random::Random;
use crate::domain::contacts::Location;

/// Cities with their countries and coordinates; those with many fairs come first.
const CITIES: [(&str, &str, f64, f64); 36] = [
    ("Frankfurt am Main", "Germany", 50.1109, 8.6821),
    ("London", "United Kingdom", 51.5072, -0.1276),
    ("Paris", "France", 48.8566, 2.3522),
    ("Las Vegas", "United States", 36.1716, -115.1391),
    ("Barcelona", "Spain", 41.3874, 2.1686),
    ("Hannover", "Germany", 52.3759, 9.732),
    ("Milano", "Italy", 45.4642, 9.19),
    ("東京", "Japan", 35.6764, 139.65),
    ("New York", "United States", 40.7128, -74.006),
    ("München", "Germany", 48.1351, 11.582),
    ("Amsterdam", "Netherlands", 52.3676, 4.9041),
    ("Singapore", "Singapore", 1.3521, 103.8198),
    ("Wien", "Austria", 48.2082, 16.3738),
    ("Zürich", "Switzerland", 47.3769, 8.5417),
    ("København", "Denmark", 55.6761, 12.5683),
    ("Stockholm", "Sweden", 59.3293, 18.0686),
    ("İstanbul", "Türkiye", 41.0082, 28.9784),
    ("São Paulo", "Brazil", -23.5558, -46.6396),
    ("Αθήνα", "Greece", 37.9838, 23.7275),
    ("Kraków", "Poland", 50.0647, 19.945),
    ("Praha", "Czechia", 50.0755, 14.4378),
    ("Bengaluru", "India", 12.9716, 77.5946),
    ("Dubai", "United Arab Emirates", 25.2048, 55.2708),
    ("서울", "South Korea", 37.5503, 126.9971),
    ("Montréal", "Canada", 45.5019, -73.5674),
    ("Chicago", "United States", 41.8781, -87.6298),
    ("Lisboa", "Portugal", 38.7223, -9.1393),
    ("Málaga", "Spain", 36.7213, -4.4213),
    ("Helsinki", "Finland", 60.1699, 24.9384),
    ("台北", "Taiwan", 25.033, 121.5654),
    ("Bogotá", "Colombia", 4.711, -74.0721),
    ("Nairobi", "Kenya", -1.2921, 36.8219),
    ("Sydney", "Australia", -33.8688, 151.2093),
    ("Київ", "Ukraine", 50.4504, 30.5245),
    ("Cape Town", "South Africa", -33.9249, 18.4241),
    ("Tromsø", "Norway", 69.6492, 18.9553),
];

/// The largest distance from the centre of a city, in degrees.
const CITY_RADIUS_DEGREES: f64 = 0.04;

/// Four decimals, about ten metres: the accuracy of a phone's location.
const STEPS_PER_DEGREE: f64 = 10_000.0;

/// A location in one of the cities, more often in the first ones.
pub(super) fn meeting_place(random: &mut Random) -> Location {
    // The smaller of two draws makes the first city the most likely and the last one rare.
    let position = random.below(CITIES.len()).min(random.below(CITIES.len()));
    let (city, country, latitude, longitude) = CITIES[position];
    let mut near = |degrees: f64| {
        let moved = degrees + (random.fraction() - 0.5) * 2.0 * CITY_RADIUS_DEGREES;
        Some((moved * STEPS_PER_DEGREE).round() / STEPS_PER_DEGREE)
    };
    Location {
        latitude: near(latitude),
        longitude: near(longitude),
        city: city.to_owned(),
        country: country.to_owned(),
    }
}

/// Prefixes of phone numbers that are reserved for fiction, and how many digits follow.
///
/// North America reserves 555-0100 to 555-0199 in every area code; Ofcom, the Bundesnetzagentur (Mitteilung 148/2021)
/// and Arcep reserve the others.
const FICTITIOUS: [(&str, usize); 22] = [
    ("+1 212 555 01", 2),
    ("+1 312 555 01", 2),
    ("+1 415 555 01", 2),
    ("+1 514 555 01", 2),
    ("+1 617 555 01", 2),
    ("+1 702 555 01", 2),
    ("+44 20 7946 0", 3),
    ("+44 113 496 0", 3),
    ("+44 117 496 0", 3),
    ("+44 121 496 0", 3),
    ("+44 131 496 0", 3),
    ("+44 161 496 0", 3),
    ("+44 7700 900", 3),
    ("+49 30 23125", 3),
    ("+49 69 90009", 3),
    ("+49 40 66969", 3),
    ("+49 221 4710", 3),
    ("+49 89 99998", 3),
    ("+33 1 99 00 ", 4),
    ("+33 4 65 71 ", 4),
    ("+33 5 36 49 ", 4),
    ("+33 6 39 98 ", 4),
];

/// A fictitious phone number. Ranges are weighted by their size, so that equal numbers are rare.
pub(super) fn phone(random: &mut Random) -> String {
    let (start, digits) = match random.below(100) {
        0..75 => FICTITIOUS[18 + random.below(4)],
        75..96 => FICTITIOUS[6 + random.below(12)],
        _ => FICTITIOUS[random.below(6)],
    };
    let number = random.below(10_usize.pow(u32::try_from(digits).unwrap_or(0)));
    format!("{start}{number:0digits$}")
}

/// The same number in another spelling.
pub(super) fn respell_phone(phone: &str, random: &mut Random) -> String {
    match random.below(4) {
        0 => phone.replace(' ', ""),
        1 => phone.replace(' ', "-"),
        2 => phone.replacen('+', "00", 1),
        _ => phone.replace(' ', "."),
    }
}
