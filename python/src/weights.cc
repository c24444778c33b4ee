// Folders of models, the digest of their weights, and rows that open against it.
#include "assay/weights.h"

#include "assay/weights_manifest.h"
#include "bindings.h"

namespace assay::python {
namespace {

using weights::Folder;
using weights::Manifest;
using weights::RowOpening;

using ShapeTuple = nb::typed<nb::tuple, std::uint64_t, nb::ellipsis>;

ShapeTuple to_tuple(const tensor::Shape& shape) { return ShapeTuple(nb::tuple(nb::cast(shape))); }

tensor::StoredTensor stored_of(const NamedBytes& given) {
  const auto& [name, dtype, shape, array] = given;
  return {name, dtype, shape, {static_cast<const std::uint8_t*>(array.data()), array.nbytes()}, nullptr};
}

RowOpening open_of_folder(const Folder& folder, const Manifest& manifest, const std::string& name,
                          std::uint64_t row) {
  const tensor::StoredTensor* tensor = folder.find(name);
  if (tensor == nullptr) throw Failure{{ErrorCode::kMismatch, name, "the folder has no such tensor"}};
  return unwrap(weights::open_row(manifest, *tensor, row));
}

void bind_stored_layers(nb::module_& m) {
  nb::class_<weights::Layer>(m, "StoredLayer")
      .def_ro("name", &weights::Layer::name)
      .def_prop_ro("kind", [](const weights::Layer& l) { return weights::to_string(l.kind); })
      .def_prop_ro("tensor", [](const weights::Layer& l) { return l.weight.name; })
      .def_prop_ro("dtype", [](const weights::Layer& l) { return l.weight.dtype; })
      .def_prop_ro("shape", [](const weights::Layer& l) { return to_tuple(l.weight.shape); });
  nb::class_<weights::Block>(m, "StoredBlock")
      .def_ro("name", &weights::Block::name)
      .def_ro("layers", &weights::Block::layers);
  nb::class_<weights::Stack>(m, "StoredStack")
      .def_ro("name", &weights::Stack::name)
      .def_ro("registered", &weights::Stack::registered)
      .def_ro("blocks", &weights::Stack::blocks);
  nb::class_<Folder>(m, "ModelFolder")
      .def_static(
          "open",
          [](const std::string& path) {
            return unwrap_read(without_gil([&] { return Folder::open(path); }));
          },
          nb::arg("path"))
      .def_prop_ro("model_type", [](const Folder& f) { return f.config().model_type; })
      .def_prop_ro("shards", [](const Folder& f) { return f.shards(); })
      .def("stack_names", &Folder::stack_names)
      .def(
          "stack",
          [](const Folder& f, const std::string& name) {
            return unwrap(without_gil([&] { return f.stack(name); }));
          },
          nb::arg("name"))
      .def("manifest", [](const Folder& f) { return unwrap(without_gil([&] { return Manifest::of(f); })); })
      .def(
          "check",
          [](const Folder& f, const Manifest& expected, const std::optional<nb::bytes>& digest) {
            const std::optional<Digest> agreed =
                digest ? std::optional(to_digest(*digest, "digest")) : std::nullopt;
            return unwrap(without_gil([&] { return weights::check_folder(expected, f, agreed); }));
          },
          nb::arg("expected"), nb::arg("digest").none())
      .def(
          "open_row",
          [](const Folder& f, const Manifest& manifest, const std::string& name, std::uint64_t row) {
            return without_gil([&] { return open_of_folder(f, manifest, name, row); });
          },
          nb::arg("manifest"), nb::arg("name"), nb::arg("row"));
}

void bind_manifest(nb::module_& m) {
  m.def(
      "safetensors_name",
      [](std::string_view dtype) -> std::optional<std::string_view> {
        const std::optional<tensor::Dtype> known = tensor::from_short_name(dtype);
        if (!known) return std::nullopt;
        return tensor::safetensors_name(*known);
      },
      nb::arg("dtype"));
  nb::class_<weights::TensorEntry>(m, "TensorEntry")
      .def_ro("name", &weights::TensorEntry::name)
      .def_ro("dtype", &weights::TensorEntry::dtype)
      .def_prop_ro("shape", [](const weights::TensorEntry& e) { return to_tuple(e.shape); })
      .def_prop_ro("chunks", [](const weights::TensorEntry& e) { return to_python(e.chunks); });
  nb::class_<Manifest> manifest(m, "Manifest");
  bind_file<ByteSpan>(manifest);
  bind_equality(manifest);
  manifest
      .def_static(
          "of_tensors",
          [](const std::vector<NamedBytes>& given) {
            return unwrap(without_gil([&] { return Manifest::of(to_stored(given)); }));
          },
          nb::arg("tensors"),
          nb::sig("def of_tensors(tensors: collections.abc.Sequence[tuple[str, str, "
                  "collections.abc.Sequence[int], typing.Any]]) -> Manifest"))
      .def_prop_ro("root", [](const Manifest& f) { return to_python(f.root()); })
      .def_prop_ro("digest", [](const Manifest& f) { return to_python(f.digest()); })
      .def_prop_ro("tensors", [](const Manifest& f) { return f.tensors(); })
      .def_prop_ro("files",
                   [](const Manifest& f) {
                     nb::typed<nb::list, nb::typed<nb::tuple, std::string, nb::bytes>> files;
                     for (const weights::FileEntry& file : f.files())
                       files.append(nb::make_tuple(file.name, to_python(file.sha256)));
                     return files;
                   })
      .def(
          "check_root",
          [](const Manifest& f, const nb::bytes& root) {
            return weights::check_root(f, to_digest(root, "root"));
          },
          nb::arg("root"))
      .def(
          "open_row",
          [](const Manifest& f, const NamedBytes& given, std::uint64_t row) {
            return unwrap(without_gil([&] { return weights::open_row(f, stored_of(given), row); }));
          },
          nb::arg("tensor"), nb::arg("row"),
          nb::sig("def open_row(self, tensor: tuple[str, str, collections.abc.Sequence[int], typing.Any], "
                  "row: int) -> RowOpening"));
}

void bind_row(nb::module_& m) {
  nb::class_<RowOpening> opening(m, "RowOpening");
  bind_file<ByteSpan>(opening);
  opening.def_prop_ro("tensor", [](const RowOpening& o) { return o.tensor.name; })
      .def_prop_ro("dtype", [](const RowOpening& o) { return o.tensor.dtype; })
      .def_prop_ro("shape", [](const RowOpening& o) { return to_tuple(o.tensor.shape); })
      .def_ro("row", &RowOpening::row)
      .def_prop_ro("values", [](const RowOpening& o) { return to_python(o.values()); })
      .def(
          "verify",
          [](const RowOpening& o, const nb::bytes& root, const std::optional<std::string>& tensor,
             std::optional<std::uint64_t> row) {
            return weights::verify_row(o, to_digest(root, "root"), {tensor, row});
          },
          nb::arg("root"), nb::arg("tensor").none(), nb::arg("row").none());
}

}  // namespace

std::vector<tensor::StoredTensor> to_stored(const std::vector<NamedBytes>& given) {
  std::vector<tensor::StoredTensor> tensors;
  tensors.reserve(given.size());
  for (const NamedBytes& one : given) tensors.push_back(stored_of(one));
  return tensors;
}

void bind_weights(nb::module_& m) {
  bind_stored_layers(m);
  bind_manifest(m);
  bind_row(m);
}

}  // namespace assay::python
