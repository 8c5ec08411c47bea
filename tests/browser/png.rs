//! A decoder for the PNG files that Chromium writes, to check that a screenshot is not blank.

use std::collections::HashMap;
use std::io::Read;

use flate2::read::ZlibDecoder;

/// Every seventh pixel is sampled; 7 divides no screen width, so that every column is sampled.
const SAMPLE_STEP: usize = 7;

const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

/// The size of a picture and the statistics of its colours.
#[derive(Debug)]
pub struct Picture {
    pub width: usize,
    pub height: usize,
    /// The number of distinct colours of the sampled pixels.
    pub colours: usize,
    /// The share of the sampled pixels that have the most frequent colour.
    pub emptiness: f64,
}

impl Picture {
    /// Reads a file with eight bits for each of three or four channels, not interlaced.
    pub fn read(file: &[u8]) -> Self {
        let mut rest = file.strip_prefix(SIGNATURE).expect("a PNG file");
        let (mut header, mut packed) = (None, Vec::new());
        while let Some((length, behind)) = rest.split_first_chunk::<4>() {
            let length = u32::from_be_bytes(*length) as usize;
            let (kind, behind) = behind.split_at(4);
            let (data, behind) = behind.split_at(length);
            match kind {
                b"IHDR" => header = Some(data),
                b"IDAT" => packed.extend_from_slice(data),
                _ => {}
            }
            rest = &behind[4..];
        }
        let header = header.expect("a header");
        let number = |at: usize| u32::from_be_bytes(header[at..at + 4].try_into().unwrap()) as usize;
        let (width, height) = (number(0), number(4));
        let channels = match header[8..] {
            [8, 2, 0, 0, 0] => 3,
            [8, 6, 0, 0, 0] => 4,
            _ => panic!("another kind of PNG: {header:?}"),
        };
        let mut lines = Vec::new();
        ZlibDecoder::new(&*packed).read_to_end(&mut lines).unwrap();
        let pixels = unfilter(&lines, width * channels, channels);
        assert_eq!(pixels.len(), width * height * channels);
        let mut colours = HashMap::new();
        for pixel in pixels.chunks_exact(channels).step_by(SAMPLE_STEP) {
            *colours.entry(pixel).or_insert(0_u32) += 1;
        }
        let most = colours.values().max().copied().unwrap();
        let all: u32 = colours.values().sum();
        Self { width, height, colours: colours.len(), emptiness: f64::from(most) / f64::from(all) }
    }
}

/// Reverses the filter of each line (PNG specification, section 9).
fn unfilter(lines: &[u8], length: usize, channels: usize) -> Vec<u8> {
    let mut above = vec![0; length];
    let mut pixels = Vec::with_capacity(lines.len());
    for line in lines.chunks_exact(length + 1) {
        let mut row = line[1..].to_vec();
        for at in 0..length {
            let left = if at < channels { 0 } else { row[at - channels] };
            let corner = if at < channels { 0 } else { above[at - channels] };
            let predicted = match line[0] {
                0 => 0,
                1 => left,
                2 => above[at],
                3 => left.midpoint(above[at]),
                4 => paeth(left, above[at], corner),
                other => panic!("no filter is {other}"),
            };
            row[at] = row[at].wrapping_add(predicted);
        }
        pixels.extend_from_slice(&row);
        above = row;
    }
    pixels
}

fn paeth(left: u8, above: u8, corner: u8) -> u8 {
    let [a, b, c] = [left, above, corner].map(i16::from);
    let estimate = a + b - c;
    let [to_a, to_b, to_c] = [a, b, c].map(|value| (estimate - value).abs());
    if to_a <= to_b && to_a <= to_c {
        left
    } else if to_b <= to_c {
        above
    } else {
        corner
    }
}
