// Merkle trees and their proofs.
#include "assay/merkle.h"

#include "bindings.h"

namespace assay::python {
namespace {

/// to_bytes and from_bytes of one of the three kinds of proof.
template <class Proof>
void bind_proof(nb::module_& m, const char* name) {
  nb::class_<Proof> proof(m, name);
  proof
      .def_static(
          "decode",
          [](const nb::bytes& data, std::string_view place) {
            return unwrap_read(Proof::from_bytes(span_of(data), place));
          },
          nb::arg("data"), nb::arg("place"))
      .def("encode", [](const Proof& p) { return to_python(p.to_bytes()); })
      .def("__len__", [](const Proof& p) { return p.hashes.size(); });
}

std::vector<Digest> digests_of(const std::vector<nb::bytes>& hashes) {
  std::vector<Digest> digests;
  digests.reserve(hashes.size());
  for (const nb::bytes& hash : hashes) digests.push_back(to_digest(hash, "leaf hash"));
  return digests;
}

}  // namespace

void bind_merkle(nb::module_& m) {
  bind_proof<merkle::InclusionProof>(m, "MerkleInclusionProof");
  bind_proof<merkle::MultiProof>(m, "MerkleMultiProof");
  bind_proof<merkle::ConsistencyProof>(m, "MerkleConsistencyProof");

  nb::class_<merkle::Tree>(m, "MerkleTree")
      .def_static(
          "from_leaves",
          [](std::uint32_t arity, const std::vector<nb::bytes>& values) {
            std::vector<ByteSpan> spans;
            spans.reserve(values.size());
            for (const nb::bytes& value : values) spans.push_back(span_of(value));
            return unwrap(without_gil([&] { return merkle::Tree::from_leaves(arity, spans); }));
          },
          nb::arg("arity"), nb::arg("values"))
      .def_static(
          "from_chunks",
          [](std::uint32_t arity, const AnyArray& values, std::size_t leaf_size) {
            const ByteSpan bytes{static_cast<const std::uint8_t*>(values.data()), values.nbytes()};
            return unwrap(without_gil([&] { return merkle::Tree::from_chunks(arity, bytes, leaf_size); }));
          },
          nb::arg("arity"), nb::arg("values"), nb::arg("leaf_size"),
          nb::sig("def from_chunks(arity: int, values: typing.Any, leaf_size: int) -> MerkleTree"))
      .def_prop_ro("arity", &merkle::Tree::arity)
      .def("__len__", &merkle::Tree::leaf_count)
      .def("root", [](const merkle::Tree& t) { return to_python(t.root()); })
      .def(
          "append",
          [](merkle::Tree& t, const nb::bytes& value) {
            unwrap(t.append(merkle::leaf_hash(span_of(value))));
          },
          nb::arg("value"))
      .def(
          "replace",
          [](merkle::Tree& t, std::uint64_t index, const nb::bytes& value) {
            unwrap(t.replace(index, merkle::leaf_hash(span_of(value))));
          },
          nb::arg("index"), nb::arg("value"))
      .def(
          "prove", [](const merkle::Tree& t, std::uint64_t index) { return unwrap(t.prove(index)); },
          nb::arg("index"))
      .def(
          "prove_many",
          [](const merkle::Tree& t, const std::vector<std::uint64_t>& indices) {
            return unwrap(t.prove_many(indices));
          },
          nb::arg("indices"))
      .def(
          "prove_consistency",
          [](const merkle::Tree& t, std::uint64_t old_count) {
            return unwrap(t.prove_consistency(old_count));
          },
          nb::arg("old_count"));

  m.def(
      "merkle_leaf_hash", [](const nb::bytes& value) { return to_python(merkle::leaf_hash(span_of(value))); },
      nb::arg("value"));
  m.def(
      "merkle_sized_root",
      [](std::uint32_t arity, std::uint64_t count, const nb::bytes& root) {
        return to_python(merkle::sized_root(arity, count, to_digest(root, "root")));
      },
      nb::arg("arity"), nb::arg("leaf_count"), nb::arg("root"));
  m.def(
      "merkle_verify_inclusion",
      [](const nb::bytes& root, std::uint32_t arity, std::uint64_t count, std::uint64_t index,
         const nb::bytes& leaf, const merkle::InclusionProof& proof) {
        return merkle::verify_inclusion(to_digest(root, "root"), arity, count, index,
                                        to_digest(leaf, "leaf hash"), proof);
      },
      nb::arg("root"), nb::arg("arity"), nb::arg("leaf_count"), nb::arg("index"), nb::arg("leaf"),
      nb::arg("proof"));
  m.def(
      "merkle_verify_many",
      [](const nb::bytes& root, std::uint32_t arity, std::uint64_t count,
         const std::vector<std::uint64_t>& indices, const std::vector<nb::bytes>& leaves,
         const merkle::MultiProof& proof) {
        return merkle::verify_many(to_digest(root, "root"), arity, count, indices, digests_of(leaves), proof);
      },
      nb::arg("root"), nb::arg("arity"), nb::arg("leaf_count"), nb::arg("indices"), nb::arg("leaves"),
      nb::arg("proof"));
  m.def(
      "merkle_verify_consistency",
      [](const nb::bytes& old_root, std::uint64_t old_count, const nb::bytes& new_root,
         std::uint64_t new_count, const merkle::ConsistencyProof& proof) {
        return merkle::verify_consistency(to_digest(old_root, "old root"), old_count,
                                          to_digest(new_root, "new root"), new_count, proof);
      },
      nb::arg("old_root"), nb::arg("old_count"), nb::arg("new_root"), nb::arg("new_count"), nb::arg("proof"));
}

}  // namespace assay::python
