//! Lengths and sentences, by vectors and by property.

use bytes::BytesMut;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::routeros::codec::{CodecError, Decoder, Limits, encode};

/// Bounds low enough that random bytes meet them.
const TIGHT: Limits = Limits { max_word: 300, max_sentence: 1000, max_words: 8 };

fn decode_all(limits: Limits, chunks: &[&[u8]]) -> (Vec<Vec<Vec<u8>>>, Option<CodecError>) {
    let mut decoder = Decoder::new(limits);
    let mut sentences = Vec::new();
    for chunk in chunks {
        decoder.feed(chunk);
        loop {
            match decoder.next_sentence() {
                Ok(Some(sentence)) => sentences.push(sentence.words.iter().map(|word| word.to_vec()).collect()),
                Ok(None) => break,
                Err(error) => return (sentences, Some(error)),
            }
        }
    }
    (sentences, None)
}

fn encoded(words: &[Vec<u8>]) -> Vec<u8> {
    let mut out = BytesMut::new();
    encode(words, &mut out);
    out.to_vec()
}

fn error_of(limits: Limits, bytes: &[u8]) -> CodecError {
    decode_all(limits, &[bytes]).1.expect("an error")
}

#[test]
fn lengths_take_their_shortest_form() {
    let cases: [(usize, &[u8]); 8] = [
        (1, &[0x01]),
        (0x7F, &[0x7F]),
        (0x80, &[0x80, 0x80]),
        (0x3FFF, &[0xBF, 0xFF]),
        (0x4000, &[0xC0, 0x40, 0x00]),
        (0x1F_FFFF, &[0xDF, 0xFF, 0xFF]),
        (0x20_0000, &[0xE0, 0x20, 0x00, 0x00]),
        (0x30_0001, &[0xE0, 0x30, 0x00, 0x01]),
    ];
    let limits = Limits { max_word: 8 << 20, max_sentence: 16 << 20, max_words: 2 };
    for (length, prefix) in cases {
        let word = vec![b'x'; length];
        let bytes = encoded(std::slice::from_ref(&word));
        assert!(bytes.starts_with(prefix), "length {length:#x}");
        assert_eq!(bytes.len(), prefix.len() + length + 1);
        assert_eq!(decode_all(limits, &[&bytes]), (vec![vec![word]], None), "length {length:#x}");
    }
}

#[test]
fn longer_forms_than_needed_mean_the_same() {
    for prefix in [&[3_u8][..], &[0x80, 3], &[0xC0, 0, 3], &[0xE0, 0, 0, 3], &[0xF0, 0, 0, 0, 3]] {
        let bytes = [prefix, b"!re", &[0]].concat();
        assert_eq!(decode_all(TIGHT, &[&bytes]).0, [[b"!re".to_vec()]]);
    }
}

#[test]
fn reserved_bytes_are_an_error_that_stays() {
    for first in 0xF8..=0xFF {
        let mut decoder = Decoder::new(TIGHT);
        decoder.feed(&[first]);
        assert_eq!(decoder.next_sentence(), Err(CodecError::ReservedByte(first)));
        decoder.feed(&[1, b'x', 0]);
        assert_eq!(decoder.next_sentence(), Err(CodecError::ReservedByte(first)));
    }
}

#[test]
fn a_huge_announced_length_is_refused_at_once() {
    let declared = 0xFFFF_FFFF;
    let limit = Limits::DEFAULT.max_word;
    assert_eq!(error_of(Limits::DEFAULT, &[0xF0, 0xFF, 0xFF, 0xFF, 0xFF]), CodecError::WordTooLong { declared, limit });
    // The low bits of the first byte count too, rather than making a huge length small.
    let error = error_of(Limits::DEFAULT, &[0xF7, 0, 0, 0, 1]);
    assert_eq!(error, CodecError::WordTooLong { declared: (7 << 32) + 1, limit });
}

#[test]
fn an_announced_length_takes_no_memory() {
    let mut decoder = Decoder::new(Limits::DEFAULT);
    decoder.feed(&[0xC0 | 0x0F, 0xFF, 0xFF, b'x']);
    assert_eq!(decoder.next_sentence(), Ok(None));
    assert!(decoder.held() < 1024, "holds {}", decoder.held());
}

#[test]
fn sentences_over_the_limits_are_refused() {
    let many = encoded(&vec![b"a".to_vec(); 9]);
    assert_eq!(error_of(TIGHT, &many), CodecError::TooManyWords { limit: 8 });
    let long = encoded(&vec![vec![b'a'; 290]; 4]);
    assert_eq!(error_of(TIGHT, &long), CodecError::SentenceTooLong { limit: 1000 });
}

#[test]
fn empty_sentences_are_skipped_and_empty_words_not_sent() {
    assert_eq!(decode_all(TIGHT, &[&[0, 0, 0x80, 0, 1, b'x', 0, 0]]).0, [[b"x".to_vec()]]);
    assert_eq!(encoded(&[b"a".to_vec(), Vec::new(), b"b".to_vec()]), [1, b'a', 1, b'b', 0]);
}

#[test]
fn a_long_word_in_single_bytes_takes_linear_time() {
    // Quadratic work would take hours here, not moments.
    let word = vec![b'x'; Limits::DEFAULT.max_word];
    let bytes = encoded(std::slice::from_ref(&word));
    let chunks: Vec<&[u8]> = bytes.chunks(1).collect();
    assert_eq!(decode_all(Limits::DEFAULT, &chunks).0, [[word]]);
}

/// Cuts at random places.
fn cut<'a>(bytes: &'a [u8], sizes: &[usize]) -> Vec<&'a [u8]> {
    let mut rest = bytes;
    let mut chunks = Vec::new();
    for size in sizes.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (chunk, tail) = rest.split_at((*size).min(rest.len()));
        chunks.push(chunk);
        rest = tail;
    }
    chunks
}

proptest! {
    #[test]
    fn sentences_come_back_however_they_are_cut(
        sentences in vec(vec(vec(any::<u8>(), 1..200), 1..8), 0..5),
        sizes in vec(1_usize..40, 1..10),
    ) {
        let limits = Limits { max_sentence: 4000, ..TIGHT };
        let bytes: Vec<u8> = sentences.iter().flat_map(|words| encoded(words)).collect();
        prop_assert_eq!(decode_all(limits, &cut(&bytes, &sizes)), (sentences, None));
    }

    #[test]
    fn any_bytes_decode_the_same_however_they_are_cut(
        bytes in vec(prop_oneof![any::<u8>(), 0_u8..8], 0..1000),
        sizes in vec(1_usize..40, 1..10),
    ) {
        prop_assert_eq!(decode_all(TIGHT, &[&bytes]), decode_all(TIGHT, &cut(&bytes, &sizes)));
    }

    #[test]
    fn any_bytes_hold_no_more_memory_than_the_limits(
        bytes in vec(prop_oneof![any::<u8>(), 0_u8..8], 0..4000),
        size in 1_usize..100,
    ) {
        let mut decoder = Decoder::new(TIGHT);
        for chunk in bytes.chunks(size) {
            decoder.feed(chunk);
            while let Ok(Some(sentence)) = decoder.next_sentence() {
                prop_assert!(!sentence.words.is_empty() && sentence.words.len() <= TIGHT.max_words);
                prop_assert!(sentence.words.iter().all(|word| !word.is_empty() && word.len() <= TIGHT.max_word));
            }
            prop_assert!(decoder.held() <= 2 * (TIGHT.max_sentence + size) + 1024, "holds {}", decoder.held());
        }
    }
}
