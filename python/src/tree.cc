// Merkle, Verkle and Terkle trees.
#include <optional>

#include "assay/tree.h"
#include "assay/tree_prover.h"
#include "bindings.h"

namespace assay::python {
namespace {

using Strings = std::vector<nb::bytes>;
// Arrays first: one without elements is a sequence of no byte strings too.
using GivenLeaves = std::variant<AnyArray, Strings>;

/// Leaves as Python hands them in: an array of one dimension of uint64 or int64, in place; rows of residues;
/// byte strings. This holds what is not in place.
class HeldLeaves {
 public:
  explicit HeldLeaves(const GivenLeaves& given) {
    if (const auto* const strings = std::get_if<Strings>(&given)) {
      for (const nb::bytes& each : *strings) spans_.push_back(span_of(each));
      view_ = tree::Leaves(std::span<const ByteSpan>(spans_));
      return;
    }
    const AnyArray& array = std::get<AnyArray>(given);
    if (array.ndim() == 2 && array.shape(1) == 32 && array.dtype() == nb::dtype<std::uint8_t>()) {
      rows_ = read_rows(ByteSpan(static_cast<const std::uint8_t*>(array.data()), array.nbytes()), "values");
      view_ = tree::Leaves(std::span<const Scalar>(rows_));
    } else if (array.ndim() == 1 && array.dtype() == nb::dtype<std::uint64_t>()) {
      view_ = tree::Leaves(std::span(static_cast<const std::uint64_t*>(array.data()), array.size()));
    } else if (array.ndim() == 1 && array.dtype() == nb::dtype<std::int64_t>()) {
      view_ = tree::Leaves(std::span(static_cast<const std::int64_t*>(array.data()), array.size()));
    } else {
      throw Failure{{ErrorCode::kUnsupported, "values", "no array of leaves of one dimension"}};
    }
  }
  HeldLeaves(const HeldLeaves&) = delete;
  HeldLeaves& operator=(const HeldLeaves&) = delete;
  [[nodiscard]] const tree::Leaves& view() const { return view_; }

 private:
  std::vector<Scalar> rows_;
  std::vector<ByteSpan> spans_;
  tree::Leaves view_{std::span<const std::uint64_t>()};
};

using Indices = std::vector<std::uint64_t>;

tree::Config config_of(const tree::Setup& setup, const std::vector<std::uint32_t>& arities,
                       std::string_view leaf) {
  return unwrap(setup.config(arities, unwrap(tree::parse_leaf_kind(leaf, "leaf"))));
}

Verdict verify_paths(const tree::Root& root, const Indices& indices, const GivenLeaves& values,
                     const tree::Proof& proof, const tree::Key& key,
                     const std::optional<nb::bytes>& root_digest, const Strings& trusted,
                     const std::optional<std::string>& trust_list) {
  const HeldLeaves leaves(values);
  setup::TrustList list;
  if (trust_list) list = unwrap_read(setup::TrustList::read(*trust_list));
  for (const nb::bytes& one : trusted) unwrap(list.add(to_digest(one, "trusted"), "named by the caller"));
  tree::VerifyOptions options;
  options.trusted = &list;
  if (root_digest) options.root_digest = to_digest(*root_digest, "root_digest");
  return without_gil([&] { return tree::verify(root, indices, leaves.view(), proof, key, options); });
}

void bind_verifier_side(nb::module_& m) {
  nb::class_<tree::Root> root(m, "TreeRoot");
  bind_file<ByteSpan>(root);
  bind_equality(root);
  root.def_prop_ro("kind", [](const tree::Root& r) { return tree::to_string(r.config.kind); })
      .def_prop_ro("leaf", [](const tree::Root& r) { return tree::to_string(r.config.leaf); })
      .def_prop_ro("arities", [](const tree::Root& r) { return to_tuple(r.config.arities); })
      .def_prop_ro("srs_digest", [](const tree::Root& r) { return to_python(r.config.srs_digest); })
      .def_ro("count", &tree::Root::count)
      .def_prop_ro("value", [](const tree::Root& r) { return to_python(r.value); })
      .def_prop_ro("depth", &tree::Root::depth)
      .def_prop_ro("digest", [](const tree::Root& r) { return to_python(r.digest()); });

  nb::class_<tree::Proof> proof(m, "TreeProof");
  bind_file<ByteSpan>(proof);
  bind_equality(proof);
  proof.def_prop_ro("tree", [](const tree::Proof& p) { return to_python(p.tree); })
      .def_prop_ro("body", [](const tree::Proof& p) { return to_python(p.body); })
      .def_prop_ro("aggregated",
                   [](const tree::Proof& p) { return p.form == tree::Proof::Form::kAggregated; });

  nb::class_<tree::Key>(m, "TreeKey")
      .def_static("merkle", &tree::Key::merkle)
      .def_static(
          "of_kzg",
          [](const nb::bytes& data) {
            return tree::Key::of(unwrap_read(kzg::VerifierKey::decode(span_of(data), "verifier key")));
          },
          nb::arg("data"))
      .def_static(
          "of_pst",
          [](const nb::bytes& data) {
            return tree::Key::of(unwrap_read(pst::VerifierKey::decode(span_of(data), "verifier key")));
          },
          nb::arg("data"))
      .def_prop_ro("digest", [](const tree::Key& key) { return to_python(key.digest()); });

  m.def("tree_verify", &verify_paths, nb::arg("root"), nb::arg("indices"), nb::arg("values"),
        nb::arg("proof"), nb::arg("key"), nb::arg("root_digest").none(), nb::arg("trusted"),
        nb::arg("trust_list").none(),
        nb::sig("def tree_verify(root: TreeRoot, indices: collections.abc.Sequence[int], values: typing.Any, "
                "proof: TreeProof, key: TreeKey, root_digest: bytes | None, "
                "trusted: collections.abc.Sequence[bytes], trust_list: str | None) -> Verdict"));
}

void bind_prover_side(nb::module_& m) {
  nb::class_<tree::Setup>(m, "TreeSetup")
      .def_static("merkle", &tree::Setup::merkle)
      .def_static(
          "of_kzg", [](const kzg::Srs& srs) { return without_gil([&] { return tree::Setup::of(srs); }); },
          nb::arg("srs"))
      .def_static(
          "of_pst",
          [](const pst::Srs& srs) { return unwrap(without_gil([&] { return tree::Setup::of(srs); })); },
          nb::arg("srs"));

  nb::class_<tree::Tree>(m, "Tree")
      .def_static(
          "open",
          [](const std::string& path, const tree::Setup* setup) {
            return without_gil([&] {
              return std::make_unique<tree::Tree>(unwrap_read(
                  tree::Tree::open(path, setup != nullptr ? std::optional(*setup) : std::nullopt)));
            });
          },
          nb::arg("path"), nb::arg("setup").none())
      .def_prop_ro("root", [](const tree::Tree& t) { return t.root(); })
      .def(
          "prove",
          [](const tree::Tree& t, const Indices& indices, bool aggregated) {
            return unwrap(without_gil([&] { return t.prove(indices, aggregated); }));
          },
          nb::arg("indices"), nb::arg("aggregated"))
      .def(
          "update",
          [](tree::Tree& t, const Indices& indices, const GivenLeaves& values) {
            const HeldLeaves leaves(values);
            unwrap(without_gil([&] { return t.update(indices, leaves.view()); }));
          },
          nb::arg("indices"), nb::arg("values"),
          nb::sig("def update(self, indices: collections.abc.Sequence[int], values: typing.Any) -> None"))
      .def(
          "append",
          [](tree::Tree& t, const GivenLeaves& values) {
            const HeldLeaves leaves(values);
            unwrap(without_gil([&] { return t.append(leaves.view()); }));
          },
          nb::arg("values"), nb::sig("def append(self, values: typing.Any) -> None"))
      .def("check",
           [](const tree::Tree& t) {
             unwrap_read(without_gil([&]() -> Result<bool> {
               const Status status = t.check();
               if (!status.ok()) return status.error();
               return true;
             }));
           })
      .def_prop_ro("sizes", [](const tree::Tree& t) {
        const tree::Sizes sizes = t.sizes();
        return std::make_tuple(sizes.file_bytes, sizes.memory_bytes, sizes.nodes, sizes.srs_points);
      });

  nb::class_<tree::Builder>(m, "TreeBuilder")
      .def_static(
          "create",
          [](const tree::Setup& setup, const std::vector<std::uint32_t>& arities, std::string_view leaf,
             const std::optional<std::string>& path) {
            const tree::Config config = config_of(setup, arities, leaf);
            return std::make_unique<tree::Builder>(unwrap(tree::Builder::create(setup, config, path)));
          },
          nb::arg("setup"), nb::arg("arities"), nb::arg("leaf"), nb::arg("path").none())
      .def(
          "add",
          [](tree::Builder& builder, const GivenLeaves& values) {
            const HeldLeaves leaves(values);
            unwrap(without_gil([&] { return builder.add(leaves.view()); }));
          },
          nb::arg("values"), nb::sig("def add(self, values: typing.Any) -> None"))
      .def("finish", [](tree::Builder& builder) {
        return without_gil([&] { return std::make_unique<tree::Tree>(unwrap(std::move(builder).finish())); });
      });
}

}  // namespace

void bind_tree(nb::module_& m) {
  bind_verifier_side(m);
  bind_prover_side(m);
}

}  // namespace assay::python
