// Bindings of public parts of trees that are made without a tree: of stated parts, and of leaves alone.
#include "assay/merkle.h"
#include "assay/tree.h"
#include "bindings.h"

namespace assay::python {
namespace {

/// What decoding would refuse is refused here too.
tree::Root checked(const tree::Root& root) {
  unwrap(root.config.check("root"));
  return unwrap_read(tree::Root::decode(root.encode(), "root"));
}

tree::Root public_root_of(std::string_view kind, const std::vector<std::uint32_t>& arities,
                          std::string_view leaf, std::uint64_t count,
                          const std::optional<nb::bytes>& srs_digest, const nb::bytes& value) {
  tree::Root root;
  root.config = {unwrap(tree::parse_kind(kind, "kind")), unwrap(tree::parse_leaf_kind(leaf, "leaf")), arities,
                 srs_digest ? to_digest(*srs_digest, "srs_digest") : Digest{}};
  root.count = count;
  root.value = to_digest(value, "value");
  return checked(root);
}

tree::Root merkle_root(const AnyArray& values, std::uint32_t arity) {
  tree::Root root;
  root.config = {tree::Kind::kMerkle, tree::LeafKind::kU64, {arity}, {}};
  if (values.ndim() != 1 ||
      (values.dtype() != nb::dtype<std::uint64_t>() && values.dtype() != nb::dtype<std::int64_t>())) {
    throw Failure{{ErrorCode::kUnsupported, "values", "no array of uint64 or int64 of one dimension"}};
  }
  if (values.dtype() == nb::dtype<std::int64_t>()) root.config.leaf = tree::LeafKind::kI64;
  const ByteSpan bytes(static_cast<const std::uint8_t*>(values.data()), values.nbytes());
  return without_gil([&] {
    merkle::RootBuilder builder = unwrap(merkle::RootBuilder::create(arity));
    unwrap(builder.add_chunks(bytes, sizeof(std::uint64_t)));
    root.count = builder.leaf_count();
    root.value = builder.root();
    return checked(root);
  });
}

}  // namespace

void bind_tree_roots(nb::module_& m) {
  m.def("tree_root_of", &public_root_of, nb::arg("kind"), nb::arg("arities"), nb::arg("leaf"),
        nb::arg("count"), nb::arg("srs_digest").none(), nb::arg("value"));
  m.def("tree_merkle_root", &merkle_root, nb::arg("values"), nb::arg("arity"),
        nb::sig("def tree_merkle_root(values: typing.Any, arity: int) -> TreeRoot"));
}

}  // namespace assay::python
