//! Notes, keys and cosignatures: the vectors of their specifications and of Go's `note`, and everything that is refused.

use crate::support::{log_key, witness_key};
use prooflane_log::note::{KeyError, Note, NoteError, Signature};
use prooflane_log::{Checkpoint, Hash, Kind, SignedCheckpoint, SigningKey, VerifyingKey};

/// From the documentation of golang.org/x/mod/sumdb/note; published there, and so no secret.
const PETER: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const PETER_SECRET: &str =
    "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
const PETER_NOTE: &str = "If you think cryptography is the answer to your problem,\n\
    then you don't know what your problem is.\n\
    \n\
    \u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
/// From c2sp.org/tlog-cosignature.
const COSIGNED: &str = "example.com/behind-the-sofa\n\
    20852163\n\
    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\
    \n\
    \u{2014} example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n\
    \u{2014} witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n";

#[test]
fn go_s_note_verifies_and_its_key_signs_the_same_bytes() {
    let key: VerifyingKey = PETER.parse().unwrap();
    assert_eq!(key.to_string(), PETER);
    let note: Note = PETER_NOTE.parse().unwrap();
    assert_eq!(note.to_string(), PETER_NOTE);
    assert_eq!(
        note.verify(&[log_key().verifying().clone(), key.clone()])
            .unwrap(),
        [&key]
    );
    let signer = SigningKey::parse(PETER_SECRET).unwrap();
    assert_eq!(*signer.secret(), PETER_SECRET);
    assert_eq!(signer.verifying(), &key);
    // The whole path of a checkpoint, judged by the port of Go's package.
    let checkpoint = Checkpoint {
        origin: "PeterNeumann".into(),
        size: 7,
        root: Hash::of_leaf(b"x"),
    };
    let signed = SignedCheckpoint::sign(checkpoint, &signer);
    let judge = signed_note::StandardVerifier::new(PETER).unwrap();
    let judge = signed_note::VerifierList::new(vec![Box::new(judge)]);
    let judged = signed_note::Note::from_bytes(signed.to_string().as_bytes()).unwrap();
    assert_eq!(judged.verify(&judge).unwrap().0.len(), 1);
    assert_eq!(judged.text(), signed.checkpoint().to_string().as_bytes());
}

#[test]
fn the_specification_s_cosigned_checkpoint_is_read_to_the_byte() {
    let signed: SignedCheckpoint = COSIGNED.parse().unwrap();
    assert_eq!(signed.to_string(), COSIGNED);
    assert_eq!(signed.checkpoint().size, 20_852_163);
    assert_eq!(signed.checkpoint().origin, "example.com/behind-the-sofa");
    let names: Vec<_> = signed
        .note()
        .signatures()
        .iter()
        .map(Signature::name)
        .collect();
    assert_eq!(
        names,
        ["example.com/behind-the-sofa", "witness.example.com/w1"]
    );
}

#[test]
fn every_changed_bit_of_a_note_is_noticed() {
    let key: VerifyingKey = PETER.parse().unwrap();
    for at in 0..PETER_NOTE.len() {
        for bit in 0..8 {
            let mut bytes = PETER_NOTE.as_bytes().to_vec();
            bytes[at] ^= 1 << bit;
            let Ok(text) = String::from_utf8(bytes) else {
                continue;
            };
            let note = text.parse::<Note>();
            let accepted = note.is_ok_and(|note| note.verify(std::slice::from_ref(&key)).is_ok());
            assert!(!accepted, "byte {at}, bit {bit}");
        }
    }
}

#[test]
fn a_known_key_s_bad_signature_condemns_the_note_and_an_unknown_key_s_does_not() {
    let (key, other) = (log_key(), witness_key(1));
    let checkpoint = |size| Checkpoint {
        origin: key.verifying().name().into(),
        size,
        root: Hash::of_leaf(b"x"),
    };
    let good = SignedCheckpoint::sign(checkpoint(1), &key);
    let forged = SignedCheckpoint::sign(checkpoint(2), &key);
    let note = |lines: &[&Signature]| -> Note {
        let lines: String = lines.iter().map(|line| format!("{line}\n")).collect();
        format!("{}\n{lines}", good.checkpoint()).parse().unwrap()
    };
    let (right, wrong) = (&good.note().signatures()[0], &forged.note().signatures()[0]);
    let keys = [key.verifying().clone()];
    assert!(note(&[right]).verify(&keys).is_ok());
    let name = || key.verifying().name().to_owned();
    assert_eq!(note(&[wrong]).verify(&keys), Err(NoteError::Forged(name())));
    assert_eq!(
        note(&[right, wrong]).verify(&keys),
        Err(NoteError::Forged(name()))
    );
    assert_eq!(
        note(&[right]).verify(&[other.verifying().clone()]),
        Err(NoteError::Unknown)
    );
    assert_eq!(note(&[right]).verify(&[]), Err(NoteError::Unknown));
    // Another name on the line, and it is nobody's.
    let renamed: Signature = right
        .to_string()
        .replace("ledger", "folder")
        .parse()
        .unwrap();
    assert_eq!(note(&[&renamed]).verify(&keys), Err(NoteError::Unknown));
    assert!(note(&[&renamed, right]).verify(&keys).is_ok());
}

#[test]
fn what_is_no_note_is_refused() {
    let line = PETER_NOTE.lines().last().unwrap();
    for text in [
        "",
        "\n",
        "text\n",
        "text\n\n",
        "text\n\nsignature\n",
        &format!("text\n{line}\n"),
        &format!("text\n\n{line}"),
        &format!("te\u{7}xt\n\n{line}\n"),
        &format!("te\rxt\n\n{line}\n"),
        &format!("text\n\n{line}\n\n"),
        "text\n\n\u{2014} name \n",
        "text\n\n\u{2014} name AAAA\n",
        "text\n\n\u{2014} name AAAAAA==\n",
        "text\n\n\u{2014} na me AAAAAAA=\n",
        "text\n\n\u{2014} na+me AAAAAAA=\n",
        "text\n\n\u{2014}  AAAAAAA=\n",
        "text\n\n- name AAAAAAA=\n",
        "text\n\n\u{2014} name AAAAAAB=\n",
        &format!("text\n\n{}", format!("{line}\n").repeat(101)),
        &format!("{}\n\n{line}\n", "x".repeat(1 << 20)),
    ] {
        assert!(
            text.parse::<Note>().is_err(),
            "{:?}",
            &text[..text.len().min(80)]
        );
    }
    assert!(
        format!("text\n\n{}", format!("{line}\n").repeat(16))
            .parse::<Note>()
            .is_ok()
    );
    assert!("text\n\n\u{2014} name AAAAAAA=\n".parse::<Note>().is_ok());
}

#[test]
fn what_is_no_checkpoint_is_refused() {
    let root = Hash::of_leaf(b"");
    assert!(format!("o\n0\n{root}\n").parse::<Checkpoint>().is_ok());
    for text in [
        String::new(),
        format!("\n0\n{root}\n"),
        format!("o\n0\n{root}"),
        format!("o\n00\n{root}\n"),
        format!("o\n+1\n{root}\n"),
        format!("o\n-1\n{root}\n"),
        format!("o\n\n{root}\n"),
        "o\n0\n\n".into(),
        "o\n0\nAAAA\n".into(),
        format!("o\n0\n{root}\nextension\n"),
        format!("o\n0\n{root}\n\n"),
        format!("o\n18446744073709551616\n{root}\n"),
    ] {
        assert!(text.parse::<Checkpoint>().is_err(), "{text:?}");
    }
}

#[test]
fn what_is_no_key_is_refused_without_quoting_it() {
    let parse = |text: &str| text.parse::<VerifyingKey>().unwrap_err();
    let expected = "<name>+<key id>+<Base64>";
    assert_eq!(parse("PeterNeumann"), KeyError::Format { expected });
    assert_eq!(
        parse(&PETER.replace("c74f", "c74F0")),
        KeyError::Format { expected }
    );
    assert_eq!(
        parse(PETER.trim_end_matches('W')),
        KeyError::Format { expected }
    );
    assert!(matches!(
        parse(&PETER.replace("c74f", "c74e")),
        KeyError::Id { .. }
    ));
    assert!(matches!(
        parse(&PETER.replace("Peter", "Pater")),
        KeyError::Id { .. }
    ));
    assert_eq!(parse(&PETER.replace("ARpc", "Ahpc")), KeyError::Type(2));
    assert_eq!(parse(&PETER[12..]), KeyError::Name);
    // Small order: the point (0, 1), for which anybody can sign anything.
    let weak = "n+00000000+AQEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    assert_eq!(parse(weak), KeyError::Point);
    for name in ["", "a b", "a+b", "a\u{a0}b", "a\nb"] {
        assert_eq!(
            SigningKey::from_seed(name, Kind::Ed25519, &[1; 32]).err(),
            Some(KeyError::Name)
        );
    }
    let wrong = SigningKey::parse(&PETER_SECRET.replace("c74f", "c74e"))
        .err()
        .unwrap();
    assert!(!format!("{wrong} {wrong:?}").contains("AYEK"));
}

#[test]
fn keys_survive_being_written() {
    for key in [log_key(), witness_key(1)] {
        let public = key.verifying();
        assert_eq!(&public.to_string().parse::<VerifyingKey>().unwrap(), public);
        assert_eq!(
            SigningKey::parse(&key.secret()).unwrap().verifying(),
            public
        );
    }
}
