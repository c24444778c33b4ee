#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <mutex>
#include <numeric>
#include <optional>
#include <utility>

#include "assay/layers_scoring.h"
#include "assay/weights_manifest.h"
#include "base/threads.h"
#include "base/try.h"
#include "base/within.h"

namespace assay::layers {
namespace {

Result<Spectrum> compute(const SpectrumRequest& request) {
  return request.shuffle_seed ? shuffled_spectrum_of(request.weight, *request.shuffle_seed, request.method)
                              : spectrum_of(request.weight, request.method);
}

/// A file of spectra is taken at its word, but for what can be seen without computing.
bool is_of_shape(const Spectrum& spectrum, const tensor::Shape& shape) {
  return shape.size() >= 2 && spectrum.rows == shape[0] && spectrum.columns == shape[1];
}

/// The spectra as they come in, from several threads.
class Collector {
 public:
  Collector(std::span<const SpectrumRequest> requests, SpectraFile* kept)
      : requests_(requests), kept_(kept), found_(requests.size()), progress_("spectra", requests.size()) {}

  /// After an error nothing more is computed.
  void take(std::size_t i) {
    if (failed_.load()) return;
    const Status status = fill(i);
    if (!status.ok()) {
      const std::lock_guard lock(mutex_);
      error_ = status.error();
      failed_.store(true);
    }
    progress_.advance();
  }

  [[nodiscard]] Result<Spectra> finish() {
    if (failed_.load()) return *error_;
    Spectra out;
    out.taken_over = taken_over_;
    for (std::optional<Spectrum>& spectrum : found_) out.spectra.push_back(std::move(*spectrum));
    return out;
  }

 private:
  Status fill(std::size_t i) {
    const SpectrumRequest& request = requests_[i];
    if (kept_ == nullptr) {
      found_[i] = ASSAY_TRY(compute(request));
      return {};
    }
    const SpectrumKey key{weight_digest(request.weight), request.method, request.shuffle_seed};
    {
      const std::lock_guard lock(mutex_);
      if (const Spectrum* known = kept_->find(key); known != nullptr) {
        if (!is_of_shape(*known, request.weight.shape))
          return Error{ErrorCode::kMismatch, request.weight.name,
                       "the spectra file has it in another shape: remove that file"};
        found_[i] = *known;
        ++taken_over_;
        return {};
      }
    }
    found_[i] = ASSAY_TRY(compute(request));
    const std::lock_guard lock(mutex_);
    // Two weights of the same bytes may have been computed side by side.
    if (kept_->find(key) != nullptr) return {};
    return kept_->add(key, *found_[i]);
  }

  std::span<const SpectrumRequest> requests_;
  SpectraFile* kept_;
  std::vector<std::optional<Spectrum>> found_;
  Progress progress_;
  std::mutex mutex_;  // guards kept_ and what follows
  std::size_t taken_over_ = 0;
  std::optional<Error> error_;
  std::atomic<bool> failed_{false};
};

Result<std::vector<SpectrumRequest>> requests_of(const weights::Stack& stack, const ScoreOptions& options) {
  std::vector<SpectrumRequest> requests;
  for (const weights::Block& block : stack.blocks) {
    for (const weights::Layer& layer : block.layers) {
      const tensor::TensorView weight = ASSAY_TRY(tensor::view_of(layer.weight));
      requests.push_back({weight, options.method, std::nullopt});
    }
  }
  if (options.metric != Metric::kRandomDistance) return requests;
  const std::size_t count = requests.size();
  for (std::size_t i = 0; i < count; ++i)
    requests.push_back({requests[i].weight, options.method, options.shuffle_seed});
  return requests;
}

/// "3 of 210 layers have eigenvalues of 0, which are in no fit: 7 in all".
void note_zeros(std::span<const Spectrum> spectra, std::vector<std::string>& notes) {
  std::size_t layers = 0;
  std::size_t zeros = 0;
  for (const Spectrum& spectrum : spectra) {
    if (spectrum.zeros > 0) ++layers;
    zeros += spectrum.zeros;
  }
  if (layers > 0)
    notes.push_back(fmt::format("{} of {} layers have eigenvalues of 0, which are in no fit: {} in all",
                                layers, spectra.size(), zeros));
}

void note_method(std::span<const Spectrum> spectra, EigenMethod asked, std::vector<std::string>& notes) {
  const auto svd = std::ranges::count(spectra, EigenMethod::kSvd, &Spectrum::method);
  if (asked == EigenMethod::kAuto && svd > 0)
    notes.push_back(fmt::format("{} of {} layers are nearly singular: their singular values were taken", svd,
                                spectra.size()));
}

/// What metrics that are computed here depend on.
ScoreOrigin origin_of(const ScoreOptions& options) {
  ScoreOrigin origin;
  origin.parameters = {{"eigen", std::string(to_string(options.method))},
                       {"clip", std::string(to_string(options.mapping.clip))}};
  if (options.metric == Metric::kAlphaPeak)
    origin.parameters.emplace_back("peak_lower", std::string(to_string(options.peak_lower)));
  if (options.metric == Metric::kRandomDistance) origin.parameters.emplace_back("seed", options.shuffle_seed);
  return origin;
}

/// The layers and blocks of the scores, all but the scores themselves.
Scores skeleton_of(const weights::Stack& stack, const ModelLabel& model, const ScoreOptions& options) {
  Scores scores;
  scores.model_name = model.name;
  scores.is_opt_model = model.type == "opt";
  scores.metric_name = to_string(options.metric);
  scores.sparsity_ratio = options.mapping.sparsity;
  scores.epsilon = options.mapping.epsilon;
  scores.mapping_type = options.mapping.mapping;
  for (std::size_t b = 0; b < stack.blocks.size(); ++b) {
    const weights::Block& block = stack.blocks[b];
    BlockScore score;
    score.start_layer_index = scores.layers.size();
    for (const weights::Layer& layer : block.layers) {
      const tensor::Shape& shape = layer.weight.shape;
      scores.layers.push_back(
          {fmt::format("{}.{}", b, layer.name),
           std::accumulate(shape.begin(), shape.end(), std::uint64_t{1}, std::multiplies<>()), 0, 0, shape});
    }
    score.end_layer_index = scores.layers.size() - 1;
    scores.blocks.push_back(score);
  }
  return scores;
}

/// The pruning ratios of the layers of a skeleton.
Result<PruningRatios> ratios_of(const Scores& skeleton, std::span<const double> metrics,
                                const MappingOptions& mapping) {
  std::vector<std::uint64_t> sizes;
  sizes.reserve(skeleton.layers.size());
  for (const LayerScore& layer : skeleton.layers) sizes.push_back(layer.num_parameters);
  std::vector<std::size_t> blocks;
  blocks.reserve(skeleton.blocks.size());
  for (const BlockScore& block : skeleton.blocks)
    blocks.push_back(block.end_layer_index - block.start_layer_index + 1);
  return pruning_ratios(metrics, sizes, blocks, mapping);
}

/// From the metrics in `origin` to scores.
Result<Scores> filled(Scores skeleton, ScoreOrigin origin, const MappingOptions& mapping) {
  const PruningRatios found = ASSAY_TRY(ratios_of(skeleton, origin.metrics, mapping));
  for (std::size_t i = 0; i < skeleton.layers.size(); ++i) {
    skeleton.layers[i].pruning_ratio = found.ratios[i];
    skeleton.layers[i].significance_score = 1 - found.ratios[i];
  }
  ASSAY_TRY(skeleton.summarise(origin.metrics));
  skeleton.assay = std::move(origin);
  return skeleton;
}

}  // namespace

Result<Spectra> spectra_of(std::span<const SpectrumRequest> requests, SpectraFile* kept) {
  Collector collector(requests, kept);
  // The largest first, so that no thread is left alone with one at the end.
  std::vector<std::size_t> order(requests.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) {
    return requests[a].weight.size() > requests[b].weight.size();
  });
  std::atomic<std::size_t> next{0};
  parallel_for(0, std::min<std::size_t>(worker_count(), order.size()), 1,
               [&](std::size_t first, std::size_t last) {
                 for (std::size_t worker = first; worker < last; ++worker)
                   for (std::size_t i = next++; i < order.size(); i = next++) collector.take(order[i]);
               });
  return collector.finish();
}

Result<Scoring> score(const weights::Stack& stack, std::span<const tensor::StoredTensor> tensors,
                      const ModelLabel& model, const ScoreOptions& options, SpectraFile* kept) {
  Scores skeleton = skeleton_of(stack, model, options);
  const std::size_t layers = skeleton.layers.size();
  // What needs no spectrum is refused before hours are spent on them.
  static_cast<void>(ASSAY_TRY(ratios_of(skeleton, std::vector<double>(layers), options.mapping)));
  ScoreOrigin origin = origin_of(options);
  origin.weights = ASSAY_TRY(weights::Manifest::of(tensors)).root();

  const std::vector<SpectrumRequest> requests = ASSAY_TRY(requests_of(stack, options));
  const Spectra found = ASSAY_TRY(spectra_of(requests, kept));
  const std::span<const Spectrum> spectra = std::span(found.spectra).first(layers);
  note_method(spectra, options.method, origin.notes);
  note_zeros(spectra, origin.notes);
  for (std::size_t i = 0; i < layers; ++i) {
    const Spectrum* shuffled = requests.size() > layers ? &found.spectra[layers + i] : nullptr;
    const MetricValue value = ASSAY_TRY(
        within(requests[i].weight.name, evaluate(options.metric, spectra[i], options.peak_lower, shuffled)));
    origin.metrics.push_back(value.value);
    if (!value.note.empty() && origin.notes.size() < Scores::kMaxNotes)
      origin.notes.push_back(fmt::format("{}: {}", skeleton.layers[i].name, value.note));
  }
  return Scoring{ASSAY_TRY(filled(std::move(skeleton), std::move(origin), options.mapping)), requests.size(),
                 found.taken_over};
}

Result<Scores> score_given(const weights::Stack& stack, const ModelLabel& model, const GivenMetrics& metrics,
                           const ScoreOptions& options) {
  Scores skeleton = skeleton_of(stack, model, options);
  if (metrics.values.size() != skeleton.layers.size())
    return Error{
        ErrorCode::kMismatch, metrics.source,
        fmt::format("{} metrics, the model has {} layers", metrics.values.size(), skeleton.layers.size())};
  ScoreOrigin origin;
  origin.parameters = {{"clip", std::string(to_string(options.mapping.clip))}};
  origin.metrics = metrics.values;
  origin.notes = {fmt::format("the metrics are those of {}, and bound to no weights", metrics.source)};
  return filled(std::move(skeleton), std::move(origin), options.mapping);
}

}  // namespace assay::layers
