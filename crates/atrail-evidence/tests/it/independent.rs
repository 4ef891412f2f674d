//! Compares this crate with independent implementations.

use atrail_evidence::{
    Checkpoint, Hash, NodeId, ProofPlan, Root, SigningKey, TreeHasher, leaf_hash,
    verify_consistency, verify_inclusion,
};
use ct_merkle::mem_backed_tree::MemoryBackedTree;
use ct_merkle::{ConsistencyProof, InclusionProof};
use sha2_of_ct_merkle::Sha256;
use signed_note::{Note, StandardVerifier, VerifierList};
use std::collections::HashMap;

use crate::number;

fn bytes(proof: &[Hash]) -> Vec<u8> {
    proof.iter().flat_map(|hash| hash.0).collect()
}

/// For every size, compares the roots, and proofs of some leaves and earlier sizes: both implementations produce the
/// same, and each accepts the other's.
#[test]
fn trees_and_proofs_agree_with_another_implementation() {
    let sizes = number("ATRAIL_EVIDENCE_SIZES", 2000);
    let mut theirs: MemoryBackedTree<Sha256, Vec<u8>> = MemoryBackedTree::new();
    let mut tree = TreeHasher::default();
    let mut nodes = HashMap::new();
    let (mut roots, mut their_roots) = (vec![tree.root()], vec![theirs.root()]);
    let mut compared = 0;
    for size in 1..=sizes {
        let leaf = (size - 1).to_be_bytes().to_vec();
        for (level, root) in (0_u8..).zip(tree.push_completing(leaf_hash(&leaf))) {
            let index = (size - 1) >> level;
            nodes.insert(NodeId { level, index }, root);
        }
        theirs.push(leaf);
        let (root, their_root) = (tree.root(), theirs.root());
        assert_eq!(
            root.0.as_slice(),
            their_root.as_bytes().as_slice(),
            "size {size}"
        );
        roots.push(root);
        let node = |id: NodeId| nodes.get(&id).copied();
        for index in [0, size / 3, size / 2, size - 1] {
            let path = ProofPlan::inclusion(index, size)
                .unwrap()
                .prove(node)
                .unwrap();
            let their_path = theirs.prove_inclusion(usize::try_from(index).unwrap());
            assert_eq!(bytes(&path), their_path.as_bytes(), "{index} of {size}");
            let leaf = leaf_hash(&index.to_be_bytes());
            assert!(verify_inclusion(leaf, index, size, &path, root));
            let ours = InclusionProof::<Sha256>::try_from_bytes(bytes(&path)).unwrap();
            their_root
                .verify_inclusion(&index.to_be_bytes().to_vec(), index, &ours)
                .unwrap();
            compared += 1;
        }
        for from in [1, size / 2, size - 1]
            .into_iter()
            .filter(|from| (1..size).contains(from))
        {
            let proof = ProofPlan::consistency(from, size)
                .unwrap()
                .prove(node)
                .unwrap();
            let added = usize::try_from(size - from).unwrap();
            let their_proof = theirs.prove_consistency(added);
            assert_eq!(bytes(&proof), their_proof.as_bytes(), "{from} to {size}");
            let old = roots[usize::try_from(from).unwrap()];
            assert!(verify_consistency(from, old, size, root, &proof));
            let ours = ConsistencyProof::<Sha256>::try_from_bytes(bytes(&proof)).unwrap();
            their_root
                .verify_consistency(&their_roots[usize::try_from(from).unwrap()], &ours)
                .unwrap();
            compared += 1;
        }
        their_roots.push(their_root);
    }
    println!("{sizes} sizes, {compared} proofs compared");
}

#[test]
fn checkpoints_verify_with_another_implementation_of_notes() {
    let key = SigningKey::generate("atrail-3f9a1c2e").unwrap();
    let checkpoint = Checkpoint {
        origin: "atrail-3f9a1c2e/space-1".to_owned(),
        size: 8812,
        root: Root([7; 32]),
    };
    let text = checkpoint.sign(&key).unwrap();
    let note = Note::from_bytes(text.as_bytes()).unwrap();
    let verifier = StandardVerifier::new(&key.verifier_key().to_string()).unwrap();
    let (verified, _) = note
        .verify(&VerifierList::new(vec![Box::new(verifier)]))
        .unwrap();
    assert_eq!(verified.len(), 1);
    assert_eq!(note.text(), checkpoint.text().as_bytes());
    // And the other way round.
    let signer = signed_note::StandardSigner::new(&key.to_text()).unwrap();
    let mut theirs = Note::new(b"text\n", &[]).unwrap();
    theirs.add_sigs(&[&signer]).unwrap();
    let theirs = String::from_utf8(theirs.to_bytes()).unwrap();
    assert_eq!(theirs, key.sign("text\n").unwrap());
}
