// Spectra of weights, metrics, the mapping to scores, and scores of layers that are in memory.
#include "assay/layers_scoring.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>

#include "bindings.h"

namespace assay::python {
namespace {

using Doubles = nb::ndarray<const double, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using NewDoubles = nb::ndarray<nb::numpy, double, nb::ndim<1>>;
/// Name within the block, and the weight.
using NamedLayer = std::pair<std::string, Source>;

std::span<const double> doubles_of(const Doubles& values) { return {values.data(), values.size()}; }

NewDoubles array_of(std::vector<double> values) {
  const std::size_t size = values.size();
  return to_array<NewDoubles>(std::move(values), {size});
}

template <class T>
T named(std::optional<T> value, std::string_view place, const std::string& name) {
  if (!value) throw Failure{{ErrorCode::kUnsupported, std::string(place), "none is called \"" + name + "\""}};
  return *value;
}

tensor::TensorView view_of(const Source& source) {
  std::vector<tensor::TensorView> views = hold({source}).views;
  if (views.empty())
    throw Failure{{ErrorCode::kUnsupported, std::get<0>(source), "rows of residues are no weight"}};
  return std::move(views.front());
}

layers::MappingOptions mapping_of(const std::string& mapping, double sparsity, double epsilon,
                                  const std::string& clip) {
  return {named(layers::mapping_from(mapping), "mapping", mapping), sparsity, epsilon,
          named(layers::clip_from(clip), "clip", clip)};
}

weights::Stack stack_of(const std::vector<std::vector<NamedLayer>>& blocks) {
  weights::Stack stack;
  for (const std::vector<NamedLayer>& layers : blocks) {
    weights::Block& block = stack.blocks.emplace_back();
    for (const auto& [name, source] : layers) {
      const tensor::TensorView view = view_of(source);
      weights::Layer& layer = block.layers.emplace_back();
      layer.name = name;
      layer.kind = view.shape.size() == 4 ? weights::Layer::Kind::kConv2d : weights::Layer::Kind::kLinear;
      layer.weight = {view.name, std::string(tensor::safetensors_name(view.dtype)), view.shape, view.bytes,
                      view.owner};
    }
  }
  return stack;
}

/// The scores as JSON, how many spectra were needed, and how many were in the file.
std::tuple<std::string, std::size_t, std::size_t> score(
    const std::pair<std::string, std::string>& model, const std::vector<std::vector<NamedLayer>>& blocks,
    const std::string& metric, const std::string& peak_lower, const std::string& method,
    const std::string& mapping, double sparsity, double epsilon, const std::string& clip, std::uint64_t seed,
    const std::vector<NamedBytes>& tensors, const std::optional<std::string>& spectra, bool pretty) {
  layers::ScoreOptions options;
  options.metric = named(layers::metric_from(metric), "metric", metric);
  options.peak_lower = named(layers::peak_lower_from(peak_lower), "peak_lower", peak_lower);
  options.method = named(layers::eigen_method_from(method), "method", method);
  options.mapping = mapping_of(mapping, sparsity, epsilon, clip);
  options.shuffle_seed = seed;
  const weights::Stack stack = stack_of(blocks);
  return without_gil([&]() -> std::tuple<std::string, std::size_t, std::size_t> {
    std::optional<layers::SpectraFile> kept;
    if (spectra) kept.emplace(unwrap_read(layers::SpectraFile::open(*spectra)));
    const layers::Scoring found = unwrap(layers::score(stack, to_stored(tensors), {model.first, model.second},
                                                       options, kept ? &*kept : nullptr));
    return {unwrap(found.scores.encode(pretty)), found.matrices, found.taken_over};
  });
}

/// The scores as JSON, from metrics of a file.
std::string score_given(const std::pair<std::string, std::string>& model,
                        const std::vector<std::vector<NamedLayer>>& blocks, const std::string& metric,
                        const std::string& mapping, double sparsity, double epsilon, const std::string& clip,
                        const std::vector<double>& metrics, const std::string& source, bool pretty) {
  layers::ScoreOptions options;
  options.metric = named(layers::metric_from(metric), "metric", metric);
  options.mapping = mapping_of(mapping, sparsity, epsilon, clip);
  const weights::Stack stack = stack_of(blocks);
  return without_gil([&] {
    const layers::Scores scores =
        unwrap(layers::score_given(stack, {model.first, model.second}, {metrics, source}, options));
    return unwrap(scores.encode(pretty));
  });
}

void bind_spectrum(nb::module_& m) {
  nb::class_<layers::Spectrum>(m, "Spectrum", "The eigenvalues of W^T W of a weight W.")
      .def_prop_ro(
          "eigenvalues", [](const layers::Spectrum& spectrum) { return array_of(spectrum.eigenvalues); },
          nb::rv_policy::move, "Ascending, float64; squares of the singular values.")
      .def_ro("zeros", &layers::Spectrum::zeros, "How many of them are 0.")
      .def_ro("rows", &layers::Spectrum::rows)
      .def_ro("columns", &layers::Spectrum::columns)
      .def_prop_ro(
          "method", [](const layers::Spectrum& spectrum) { return layers::to_string(spectrum.method); },
          "\"gram\" or \"svd\".")
      .def(
          "metric",
          [](const layers::Spectrum& spectrum, const std::string& name, const std::string& peak_lower,
             const layers::Spectrum* shuffled) {
            const layers::Metric metric = named(layers::metric_from(name), "metric", name);
            const layers::PeakLower lower =
                named(layers::peak_lower_from(peak_lower), "peak_lower", peak_lower);
            layers::MetricValue value =
                unwrap(without_gil([&] { return layers::evaluate(metric, spectrum, lower, shuffled); }));
            return std::pair(value.value, value.note);
          },
          nb::arg("name"), nb::arg("peak_lower") = "compat", nb::arg("shuffled").none() = nb::none(),
          "The number, and what was out of the ordinary about it.");
  m.def(
      "layers_spectrum",
      [](const Source& weight, const std::string& method, std::optional<std::uint64_t> shuffle_seed) {
        const layers::EigenMethod by = named(layers::eigen_method_from(method), "method", method);
        const tensor::TensorView view = view_of(weight);
        return unwrap(without_gil([&] {
          return shuffle_seed ? layers::shuffled_spectrum_of(view, *shuffle_seed, by)
                              : layers::spectrum_of(view, by);
        }));
      },
      nb::arg("weight"), nb::arg("method"), nb::arg("shuffle_seed").none(),
      nb::sig("def layers_spectrum(weight: tuple[str, typing.Any, str], method: str, "
              "shuffle_seed: int | None) -> Spectrum"));
}

}  // namespace

void bind_layers_spectra(nb::module_& m) {
  bind_spectrum(m);
  m.def("layers_metrics", [] {
    std::vector<std::string_view> names;
    for (const layers::Metric metric : layers::all_metrics()) names.push_back(layers::to_string(metric));
    return names;
  });
  m.def(
      "layers_fit",
      [](const std::string& kind, const Doubles& eigenvalues, const std::string& peak_lower) {
        const layers::PeakLower lower = named(layers::peak_lower_from(peak_lower), "peak_lower", peak_lower);
        const layers::Metric metric = named(layers::metric_from(kind), "kind", kind);
        const layers::PowerLaw law = unwrap(without_gil([&] {
          switch (metric) {
            case layers::Metric::kAlpha:
              return layers::fit_alpha(doubles_of(eigenvalues));
            case layers::Metric::kAlphaMid:
              return layers::fit_alpha_mid(doubles_of(eigenvalues));
            case layers::Metric::kAlphaPeak:
              return layers::fit_alpha_peak(doubles_of(eigenvalues), lower);
            default:
              throw Failure{{ErrorCode::kUnsupported, "kind", "\"" + kind + "\" is no fit of a power law"}};
          }
        }));
        return std::tuple(law.alpha, law.distance, law.xmin, law.start, law.note);
      },
      nb::arg("kind"), nb::arg("eigenvalues"), nb::arg("peak_lower"));
  m.def(
      "layers_pruning_ratios",
      [](const Doubles& metrics, const std::vector<std::uint64_t>& sizes,
         const std::vector<std::size_t>& blocks, const std::string& mapping, double sparsity, double epsilon,
         const std::string& clip) {
        const layers::PruningRatios found = unwrap(layers::pruning_ratios(
            doubles_of(metrics), sizes, blocks, mapping_of(mapping, sparsity, epsilon, clip)));
        return std::tuple(array_of(found.ratios), found.scale, found.full);
      },
      nb::arg("metrics"), nb::arg("sizes"), nb::arg("blocks"), nb::arg("mapping"), nb::arg("sparsity"),
      nb::arg("epsilon"), nb::arg("clip"));
  m.def("layers_score", score, nb::arg("model"), nb::arg("blocks"), nb::arg("metric"), nb::arg("peak_lower"),
        nb::arg("method"), nb::arg("mapping"), nb::arg("sparsity"), nb::arg("epsilon"), nb::arg("clip"),
        nb::arg("seed"), nb::arg("tensors"), nb::arg("spectra").none(), nb::arg("pretty"),
        nb::sig("def layers_score(model: tuple[str, str], "
                "blocks: collections.abc.Sequence[collections.abc.Sequence["
                "tuple[str, tuple[str, typing.Any, str]]]], "
                "metric: str, peak_lower: str, method: str, mapping: str, sparsity: float, epsilon: float, "
                "clip: str, seed: int, tensors: collections.abc.Sequence[tuple[str, str, "
                "collections.abc.Sequence[int], typing.Any]], spectra: str | None, pretty: bool) "
                "-> tuple[str, int, int]"));
  m.def("layers_score_given", score_given, nb::arg("model"), nb::arg("blocks"), nb::arg("metric"),
        nb::arg("mapping"), nb::arg("sparsity"), nb::arg("epsilon"), nb::arg("clip"), nb::arg("metrics"),
        nb::arg("source"), nb::arg("pretty"),
        nb::sig("def layers_score_given(model: tuple[str, str], "
                "blocks: collections.abc.Sequence[collections.abc.Sequence["
                "tuple[str, tuple[str, typing.Any, str]]]], metric: str, mapping: str, sparsity: float, "
                "epsilon: float, clip: str, metrics: collections.abc.Sequence[float], source: str, "
                "pretty: bool) -> str"));
  m.def(
      "layers_metric",
      [](const std::string& name) {
        return layers::to_string(named(layers::metric_from(name), "metric", name));
      },
      nb::arg("name"));
}

}  // namespace assay::python
