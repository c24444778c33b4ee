// Hidden states that inference engines wrote.
#include <optional>
#include <string>
#include <vector>

#include "assay/tensor_engines.h"
#include "bindings.h"

namespace assay::python {
namespace {

using tensor::EngineStates;

/// The values of a layer, as the bits of its dtype: rows of bytes.
using Bytes2D = nb::ndarray<nb::numpy, const std::uint8_t, nb::shape<-1, -1>>;

Bytes2D bytes_of(const tensor::TensorView& layer) {
  auto* owner = new std::shared_ptr<const void>(layer.owner);
  const nb::capsule kept(owner,
                         [](void* p) noexcept { delete static_cast<std::shared_ptr<const void>*>(p); });
  const std::size_t rows = layer.shape[0];
  return {layer.bytes.data(), {rows, layer.bytes.size() / rows}, kept};
}

}  // namespace

void bind_engine_states(nb::module_& m) {
  nb::class_<EngineStates>(m, "EngineStates")
      .def_prop_ro("engine", [](const EngineStates& s) { return to_string(s.engine); })
      .def_prop_ro("layer_names",
                   [](const EngineStates& s) {
                     std::vector<std::string> names;
                     for (const tensor::TensorView& layer : s.layers) names.push_back(layer.name);
                     return names;
                   })
      .def_prop_ro("dtype", [](const EngineStates& s) { return tensor::short_name(s.layers[0].dtype); })
      .def(
          "layer_bytes",
          [](const EngineStates& s, std::size_t layer) { return bytes_of(s.layers.at(layer)); },
          nb::arg("layer"), nb::sig("def layer_bytes(self, layer: int) -> typing.Any"))
      .def_ro("fed_ids", &EngineStates::fed_ids)
      .def_ro("prompt_tokens", &EngineStates::prompt_tokens)
      .def_ro("completion_tokens", &EngineStates::completion_tokens)
      .def_ro("produced_ids", &EngineStates::produced_ids);
  m.def(
      "read_engine_states",
      [](const std::string& path) {
        return unwrap_read(without_gil([&] { return tensor::read_engine_states(path); }));
      },
      nb::arg("path"));
}

}  // namespace assay::python
