//! QR codes in the terminal.

use qrcode::{EcLevel, QrCode, render::unicode::Dense1x2};

/// A QR code of the text, two rows per line; none if it is too long for one.
///
/// `coloured` paints it dark on light whatever the terminal's colours are; without, it assumes a dark background.
#[must_use]
pub fn qr_code(text: &str, coloured: bool) -> Option<String> {
    let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
    let image = if coloured {
        code.render::<Dense1x2>().build()
    } else {
        code.render().dark_color(Dense1x2::Light).light_color(Dense1x2::Dark).build()
    };
    let lines: Vec<String> = image
        .lines()
        .map(|line| if coloured { format!("\x1b[30;107m{line}\x1b[0m") } else { line.to_owned() })
        .collect();
    Some(lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use qrcode::{Color, EcLevel, QrCode};

    use super::qr_code;

    /// The modules of the picture, row by row; true is what a terminal's foreground colour fills.
    fn filled(picture: &str) -> Vec<Vec<bool>> {
        let rows = |line: &str| {
            let half = |upper: bool| line.chars().map(|c| c == '█' || c == if upper { '▀' } else { '▄' }).collect();
            [half(true), half(false)]
        };
        picture.lines().flat_map(rows).collect()
    }

    #[test]
    fn the_picture_is_the_code_dark_on_light_and_light_on_dark() {
        let code = QrCode::with_error_correction_level("COVEY:ABC", EcLevel::L).expect("fits");
        let plain = qr_code("COVEY:ABC", false).expect("fits");
        let coloured = qr_code("COVEY:ABC", true).expect("fits");
        let coloured = coloured.replace("\x1b[30;107m", "").replace("\x1b[0m", "");
        let (plain, coloured) = (filled(&plain), filled(&coloured));
        const QUIET: usize = 4;
        for y in 0..code.width() {
            for x in 0..code.width() {
                let dark = code[(x, y)] == Color::Dark;
                assert_eq!(coloured[y + QUIET][x + QUIET], dark, "{x} {y}");
                assert_eq!(plain[y + QUIET][x + QUIET], !dark, "{x} {y}");
            }
        }
        assert!(plain[0].iter().all(|light| *light), "the quiet zone is light");
    }

    #[test]
    fn a_ticket_fits_and_a_novel_does_not() {
        let ticket = format!("covey:{}", "q".repeat(400));
        let code = qr_code(&ticket, false).expect("fits");
        let width = code.lines().next().expect("has lines").chars().count();
        assert!(width <= 100, "{width} columns");
        assert!(qr_code(&"x".repeat(4000), false).is_none());
    }
}
