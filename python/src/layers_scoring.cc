// Scores of a loaded model's layers, and the spectrum of one weight.
#include "assay/layers_scoring.h"

#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "bindings.h"

namespace assay::python {
namespace {

/// A block: its name, and for each linear layer the path within it and the weight as it is stored.
using BlockSource = std::pair<std::string, std::vector<std::pair<std::string, AnyArray>>>;

template <class T>
T named(std::optional<T> value, std::string_view place, const std::string& name) {
  if (!value)
    throw Failure{{ErrorCode::kUnsupported, std::string(place), "nothing is called \"" + name + "\" there"}};
  return *value;
}

/// The weights in place, as a folder of the model would have them.
weights::Stack stack_of(const std::vector<BlockSource>& sources) {
  std::vector<Source> arrays;
  for (const auto& [block, layers] : sources)
    for (const auto& [path, array] : layers) arrays.emplace_back(block + "." + path + ".weight", array, "");
  const claim::Arrays held = hold(arrays);
  weights::Stack stack;
  auto view = held.views.begin();
  for (const auto& [block, layers] : sources) {
    weights::Block& made = stack.blocks.emplace_back();
    made.name = block;
    for (const auto& [path, array] : layers) {
      weights::Layer& layer = made.layers.emplace_back();
      layer.name = path;
      layer.weight = {view->name, std::string(tensor::safetensors_name(view->dtype)), view->shape,
                      view->bytes, view->owner};
      ++view;
    }
  }
  return stack;
}

std::tuple<std::size_t, std::size_t, std::vector<std::string>> score(
    const std::vector<BlockSource>& blocks, const std::string& model_name, const std::string& model_type,
    const std::string& metric, const std::string& mapping, double sparsity, double epsilon,
    const std::string& peak_lower, const std::string& eigen, const std::string& clip, std::uint64_t seed,
    const std::string& spectra, const std::string& out, bool pretty) {
  layers::ScoreOptions options;
  options.metric = named(layers::metric_from(metric), "metric", metric);
  options.peak_lower = named(layers::peak_lower_from(peak_lower), "peak_lower", peak_lower);
  options.method = named(layers::eigen_method_from(eigen), "eigen", eigen);
  options.mapping.mapping = named(layers::mapping_from(mapping), "mapping", mapping);
  options.mapping.clip = named(layers::clip_from(clip), "clip", clip);
  options.mapping.sparsity = sparsity;
  options.mapping.epsilon = epsilon;
  options.shuffle_seed = seed;
  const weights::Stack stack = stack_of(blocks);
  return without_gil([&] {
    layers::SpectraFile kept = unwrap(layers::SpectraFile::open(spectra));
    layers::Scoring found = unwrap(layers::score(stack, {model_name, model_type}, options, &kept));
    unwrap(found.scores.write(out, pretty));
    return std::tuple(found.matrices, found.taken_over, std::move(found.scores.assay->notes));
  });
}

std::tuple<std::vector<double>, double, double> fitted_spectrum(const AnyArray& weight,
                                                                const std::string& name) {
  const claim::Arrays held = hold({{name, weight, ""}});
  return without_gil([&] {
    layers::Spectrum spectrum = unwrap(layers::spectrum_of(held.views.front()));
    const layers::PowerLaw law =
        unwrap(layers::fit_alpha_peak(spectrum.nonzero(), layers::PeakLower::kCompat));
    return std::tuple(std::move(spectrum.eigenvalues), law.alpha, law.xmin);
  });
}

}  // namespace

void bind_layers_scoring(nb::module_& m) {
  m.def("layers_score", &score, nb::arg("blocks"), nb::arg("model_name"), nb::arg("model_type"),
        nb::arg("metric"), nb::arg("mapping"), nb::arg("sparsity"), nb::arg("epsilon"), nb::arg("peak_lower"),
        nb::arg("eigen"), nb::arg("clip"), nb::arg("seed"), nb::arg("spectra"), nb::arg("out"),
        nb::arg("pretty"));
  m.def("layers_fitted_spectrum", &fitted_spectrum, nb::arg("weight"), nb::arg("name"));
}

}  // namespace assay::python
