// Where two captures differ.
#include "assay/tensor_comparison.h"
#include "assay/tensor_engines.h"

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "bindings.h"

namespace assay::python {
namespace {

/// A file, or arrays by name.
using Capture = std::variant<std::string, std::vector<Source>>;
using Place = std::optional<std::pair<std::size_t, std::uint64_t>>;

std::vector<tensor::TensorView> layers_of(const Capture& capture) {
  if (const auto* path = std::get_if<std::string>(&capture))
    return unwrap_read(without_gil([&] { return tensor::open_capture(*path); }));
  return hold(std::get<std::vector<Source>>(capture)).views;
}

Place place_of(const std::optional<tensor::Comparison::Place>& place) {
  return place ? Place({place->layer, place->row}) : std::nullopt;
}

}  // namespace

void bind_comparison(nb::module_& m) {
  using tensor::Comparison;
  using Tolerance = std::optional<double>;
  nb::class_<Comparison>(m, "Comparison")
      .def_static(
          "of",
          [](const Capture& a, const Capture& b, std::uint64_t first_row,
             std::optional<std::uint64_t> last_row, std::uint64_t top, bool by_order) {
            const std::vector<tensor::TensorView> layers_a = layers_of(a);
            const std::vector<tensor::TensorView> layers_b = layers_of(b);
            return without_gil([&] {
              return unwrap(Comparison::of(layers_a, layers_b, {first_row, last_row, top, by_order}));
            });
          },
          nb::arg("a"), nb::arg("b"), nb::arg("first_row"), nb::arg("last_row").none(), nb::arg("top"),
          nb::arg("by_order"),
          nb::sig("def of(a: str | collections.abc.Sequence[tuple[str, typing.Any, str]], "
                  "b: str | collections.abc.Sequence[tuple[str, typing.Any, str]], first_row: int, "
                  "last_row: int | None, top: int, by_order: bool) -> Comparison"))
      .def(
          "first",
          [](const Comparison& found, const Tolerance& tolerance) {
            return place_of(found.first(tolerance));
          },
          nb::arg("tolerance").none())
      .def(
          "first_token",
          [](const Comparison& found, const Tolerance& tolerance) {
            return place_of(found.first_token(tolerance));
          },
          nb::arg("tolerance").none())
      .def("to_json", &Comparison::to_json, nb::arg("tolerance").none())
      .def("to_lines", &Comparison::to_lines, nb::arg("tolerance").none());
}

}  // namespace assay::python
