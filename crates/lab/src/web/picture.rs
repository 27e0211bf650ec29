//! Pictures drawn in code, in the colour of the server that sends them.

use super::text::{Crc, html};

const TILE_SIZE: u32 = 96;
/// Most bytes in one stored deflate block (RFC 1951 §3.2.4).
const STORED_MAX: usize = 65_535;

/// A server's colour: hue from its name, so that two servers can be told apart at a glance.
pub(super) fn hue(name: &str) -> u32 {
    // The golden angle keeps names that differ in their last digit far apart on the wheel.
    let sum = name.bytes().fold(0u32, |h, b| h.wrapping_mul(31).wrapping_add(u32::from(b)));
    (sum.wrapping_mul(137)) % 360
}

/// The project's boat, with the server's name on the hull line.
pub(super) fn boat_svg(name: &str) -> Vec<u8> {
    let hue = hue(name);
    format!(
        concat!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 240 120" role="img" aria-label="A boat, sent by {name}">"#,
            r#"<rect width="240" height="120" rx="14" fill="hsl({hue} 60% 94%)"/>"#,
            r#"<path d="M116 18v58M116 22l44 48h-44zM110 30l-30 40h30z" fill="hsl({hue} 65% 55%)" stroke="hsl({hue} 60% 28%)" stroke-width="3" stroke-linejoin="round"/>"#,
            r#"<path d="M64 78h112l-16 18H82z" fill="hsl({hue} 55% 32%)"/>"#,
            r#"<path d="M8 100q14-10 28 0t28 0 28 0 28 0 28 0 28 0 28 0 28 0" fill="none" stroke="hsl({hue} 60% 55%)" stroke-width="4"/>"#,
            r#"<text x="120" y="117" font-family="system-ui,sans-serif" font-size="13" text-anchor="middle" fill="hsl({hue} 60% 24%)">{name}</text>"#,
            "</svg>\n"
        ),
        name = html(name),
        hue = hue
    )
    .into_bytes()
}

/// A square PNG: waves in the server's colour; `seed` (the path) moves the waves.
pub(super) fn tile_png(name: &str, seed: &str) -> Vec<u8> {
    let phase = seed.bytes().fold(0u32, |h, b| h.wrapping_mul(33).wrapping_add(u32::from(b)));
    let mut raw = Vec::with_capacity((TILE_SIZE * (TILE_SIZE * 3 + 1)) as usize);
    for y in 0..TILE_SIZE {
        raw.push(0); // PNG filter: none
        for x in 0..TILE_SIZE {
            raw.extend(pixel(hue(name), x, y, phase));
        }
    }
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut header = Vec::new();
    header.extend(TILE_SIZE.to_be_bytes());
    header.extend(TILE_SIZE.to_be_bytes());
    header.extend([8, 2, 0, 0, 0]); // 8 bits, RGB, deflate, standard filters, not interlaced
    chunk(&mut png, b"IHDR", &header);
    chunk(&mut png, b"IDAT", &zlib_stored(&raw));
    chunk(&mut png, b"IEND", &[]);
    png
}

fn pixel(hue: u32, x: u32, y: u32, phase: u32) -> [u8; 3] {
    // A triangle wave in whole numbers: the crest of each line of the sea.
    let slope = (x + phase % 32) % 32;
    let crest = if slope < 16 { slope } else { 31 - slope } / 2;
    let depth = (y + crest + phase % 12) % 24;
    let light = 78 - (y * 30 / TILE_SIZE) - if depth < 4 { 22 } else { 0 };
    rgb(hue, 62, light)
}

/// HSL to RGB in whole numbers.
fn rgb(hue: u32, saturation: u32, light: u32) -> [u8; 3] {
    let channel = |n: u32| {
        let k = (n * 30 + hue) % 360; // 30° steps of the usual formula, with k in degrees
        let a = saturation * light.min(100 - light) / 100;
        let k = k as i64;
        let t = (k - 90).min(270 - k).clamp(-30, 30);
        let value = i64::from(light) * 30 - i64::from(a) * t;
        (value * 255 / 3000).clamp(0, 255) as u8
    };
    [channel(0), channel(8), channel(4)]
}

fn chunk(png: &mut Vec<u8>, kind: &[u8; 4], data: &[u8]) {
    png.extend((data.len() as u32).to_be_bytes());
    png.extend(kind);
    png.extend(data);
    let mut crc = Crc::new();
    crc.add(kind);
    crc.add(data);
    png.extend(crc.value().to_be_bytes());
}

/// A zlib stream without compression (RFC 1950, stored blocks): a few kilobytes more, and no dependency.
fn zlib_stored(raw: &[u8]) -> Vec<u8> {
    let mut out = vec![0x78, 0x01];
    let mut blocks = raw.chunks(STORED_MAX).peekable();
    while let Some(block) = blocks.next() {
        let len = block.len() as u16;
        out.push(u8::from(blocks.peek().is_none()));
        out.extend(len.to_le_bytes());
        out.extend((!len).to_le_bytes());
        out.extend(block);
    }
    let (mut a, mut b) = (1u32, 0u32);
    for &byte in raw {
        a = (a + u32::from(byte)) % 65_521;
        b = (b + a) % 65_521;
    }
    out.extend((b << 16 | a).to_be_bytes());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_differ_and_pictures_are_framed() {
        assert_eq!(rgb(0, 100, 50), [255, 0, 0]);
        assert_eq!(rgb(120, 100, 50), [0, 255, 0]);
        assert_eq!(rgb(240, 100, 50), [0, 0, 255]);
        assert_eq!(rgb(77, 0, 100), [255, 255, 255]);
        let far = (i64::from(hue("static1")) - i64::from(hue("static2"))).abs();
        assert!(far > 60, "{far}");
        let png = tile_png("static1", "/images/a.png");
        assert!(png.starts_with(b"\x89PNG") && png.ends_with(b"IEND\xae\x42\x60\x82"));
        assert_ne!(png, tile_png("static2", "/images/a.png"));
        assert!(String::from_utf8_lossy(&boat_svg("a<b")).contains("a&lt;b"));
    }
}
