//! What framing alone costs, beside the codec of tokio-util: `cargo bench -p rust-server --bench framing`.
//!
//! A buffer as a server reads it, full of whole frames, is taken apart, or put together, in each way. Throughput is in
//! frames.

use std::hint::black_box;

use bytes::{Bytes, BytesMut};
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use rust_server::framing::{Framing, MaxFrame};
use tokio_util::codec::{Decoder, Encoder, LengthDelimitedCodec};

/// What a server reads at once, in bytes.
const BUFFER: usize = 256 * 1024;
/// The lengths of the bodies, in bytes.
const BODIES: [usize; 3] = [16, 1024, 65_536];
const MAX: MaxFrame = MaxFrame::new(1 << 24);

/// As many whole frames as a buffer holds, and how many that are.
fn frames(body: usize) -> (BytesMut, u64) {
    let mut frames = BytesMut::new();
    let count = BUFFER / (4 + body);
    for _ in 0..count {
        Framing::DEFAULT.encode(&vec![b'x'; body], MAX, &mut frames).expect("it fits");
    }
    (frames, count as u64)
}

fn decoding(c: &mut Criterion) {
    let mut group = c.benchmark_group("decode");
    for body in BODIES {
        let (frames, count) = frames(body);
        group.throughput(Throughput::Elements(count));
        group.bench_with_input(BenchmarkId::new("run of frames", body), &frames, |b, frames| {
            b.iter(|| black_box(Framing::DEFAULT.run(black_box(frames), MAX)).len);
        });
        group.bench_with_input(
            BenchmarkId::new("message by message", body),
            &frames,
            |b, frames| {
                let take_all = |mut frames: BytesMut| {
                    while let Ok(Some(message)) = Framing::DEFAULT.decode(&mut frames, MAX) {
                        black_box(message);
                    }
                };
                b.iter_batched(|| frames.clone(), take_all, BatchSize::SmallInput);
            },
        );
        group.bench_with_input(
            BenchmarkId::new("LengthDelimitedCodec", body),
            &frames,
            |b, frames| {
                let mut codec = codec();
                let take_all = |mut frames: BytesMut| {
                    while let Ok(Some(message)) = codec.decode(&mut frames) {
                        black_box(message);
                    }
                };
                b.iter_batched(|| frames.clone(), take_all, BatchSize::SmallInput);
            },
        );
    }
    group.finish();
}

fn encoding(c: &mut Criterion) {
    let mut group = c.benchmark_group("encode");
    for body in BODIES {
        let message = Bytes::from(vec![b'x'; body]);
        let count = BUFFER / (4 + body);
        group.throughput(Throughput::Elements(count as u64));
        let mut out = BytesMut::with_capacity(BUFFER + body);
        group.bench_function(BenchmarkId::new("ours", body), |b| {
            b.iter(|| {
                out.clear();
                for _ in 0..count {
                    Framing::DEFAULT.encode(black_box(&message), MAX, &mut out).expect("it fits");
                }
            });
        });
        group.bench_function(BenchmarkId::new("LengthDelimitedCodec", body), |b| {
            let mut codec = codec();
            b.iter(|| {
                out.clear();
                for _ in 0..count {
                    codec.encode(black_box(message.clone()), &mut out).expect("it fits");
                }
            });
        });
    }
    group.finish();
}

fn codec() -> LengthDelimitedCodec {
    LengthDelimitedCodec::builder().max_frame_length(1 << 24).new_codec()
}

criterion_group!(benches, decoding, encoding);
criterion_main!(benches);
