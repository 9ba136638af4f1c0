//! Takes a buffer of whole frames apart, again and again, and does nothing else: for counting instructions
//! (`benches/instructions`).
//!
//! `take_frames run|decode BODY ROUNDS`

use std::hint::black_box;
use std::process::ExitCode;

use bytes::BytesMut;
use rust_server::framing::{Framing, MaxFrame};

/// How many frames are in the buffer.
const FRAMES: usize = 1000;
const MAX: MaxFrame = MaxFrame::new(1 << 24);

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [how, body, rounds] = &words[..] else { return usage() };
    let (Ok(body), Ok(rounds)) = (body.parse::<usize>(), rounds.parse::<usize>()) else {
        return usage();
    };
    let mut frames = BytesMut::new();
    for _ in 0..FRAMES {
        if let Err(error) = Framing::DEFAULT.encode(&vec![b'x'; body], MAX, &mut frames) {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    }
    for _ in 0..rounds {
        match how.as_str() {
            "run" => {
                black_box(Framing::DEFAULT.run(black_box(&frames), MAX));
            }
            "decode" => {
                let mut buffer = frames.clone();
                while let Ok(Some(message)) = Framing::DEFAULT.decode(&mut buffer, MAX) {
                    black_box(message);
                }
            }
            _ => return usage(),
        }
    }
    ExitCode::SUCCESS
}

fn usage() -> ExitCode {
    eprintln!("usage: take_frames run|decode BODY ROUNDS");
    ExitCode::from(2)
}
