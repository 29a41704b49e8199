//! Prints the character properties that Hugging Face `tokenizers` 0.22 sees: the crates it uses carry Unicode 8 and 9,
//! and the compiler's own tables whatever Unicode it was built with. `cargo run --release > ../properties.txt`.
use unicode_categories::UnicodeCategories;
use unicode_normalization_alignments::char::{canonical_combining_class, decompose_canonical};

fn chars() -> impl Iterator<Item = char> {
    (0..=0x10FFFFu32).filter_map(char::from_u32)
}

/// One line per run of characters with the property: `name first last`.
fn ranges(name: &str, has: impl Fn(char) -> bool) {
    let mut run: Option<(u32, u32)> = None;
    for c in chars().filter(|&c| has(c)) {
        let c = c as u32;
        run = match run {
            Some((first, last)) if c == last + 1 => Some((first, c)),
            Some((first, last)) => {
                println!("{name} {first:X} {last:X}");
                Some((c, c))
            }
            None => Some((c, c)),
        };
    }
    if let Some((first, last)) = run {
        println!("{name} {first:X} {last:X}");
    }
}

/// One line per character that maps to something else: `name char to…`.
fn maps(name: &str, to: impl Fn(char) -> Vec<char>) {
    for c in chars() {
        let mapped = to(c);
        if mapped != [c] {
            let hex: Vec<String> = mapped.iter().map(|&m| format!("{:X}", m as u32)).collect();
            println!("{name} {:X} {}", c as u32, hex.join(" "));
        }
    }
}

fn main() {
    ranges("other", |c| c.is_other());
    ranges("space", |c| c.is_whitespace());
    ranges("punct", |c| c.is_ascii_punctuation() || c.is_punctuation());
    ranges("mark", |c| c.is_mark_nonspacing());
    for class in 1..=255u8 {
        ranges(&format!("class{class}"), |c| canonical_combining_class(c) == class);
    }
    maps("lower", |c| c.to_lowercase().collect());
    maps("split", |c| {
        let mut out = vec![];
        if !('\u{AC00}'..='\u{D7A3}').contains(&c) {
            decompose_canonical(c, |d| out.push(d));
        } else {
            out.push(c);
        }
        out
    });
}
