// Scores of all layers of a model, and the spectra they come from, kept in a file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "assay/base.h"
#include "assay/layers.h"
#include "assay/layers_mapping.h"
#include "assay/layers_spectra.h"
#include "assay/weights.h"

namespace assay::layers {

/// What a kept spectrum is of.
struct SpectrumKey {
  Digest weight{};  ///< weight_digest
  EigenMethod method = EigenMethod::kAuto;
  std::optional<std::uint64_t> shuffle_seed;  ///< of a shuffled weight
  friend bool operator==(const SpectrumKey&, const SpectrumKey&) = default;
  // Its comparison with 0 is the language's. NOLINTNEXTLINE(modernize-use-nullptr)
  friend auto operator<=>(const SpectrumKey&, const SpectrumKey&) = default;
};

/// A file of spectra, which grows as they are computed: what is in it when a program is killed is found there
/// by the next. It says nothing about a model that its own writer could not make up: scores from a file of
/// others are their word.
class SpectraFile {
 public:
  static constexpr std::uint64_t kMaxBytes = std::uint64_t{1} << 30;

  /// Opens the file, for this process alone; one that is not there is made with the first spectrum. What was
  /// cut off within the last record is dropped with the next.
  /// Errors: kIo (also where another process writes to it), kMalformed, kNonCanonical, kTooLarge,
  /// kUnsupported.
  static Result<SpectraFile> open(const std::filesystem::path& path);
  SpectraFile(SpectraFile&&) noexcept;
  SpectraFile& operator=(SpectraFile&&) noexcept;
  ~SpectraFile();

  [[nodiscard]] std::size_t size() const;
  /// Bytes behind the last whole record that were dropped.
  [[nodiscard]] std::uint64_t dropped_bytes() const;
  /// nullptr when there is none; valid until the next call of add.
  [[nodiscard]] const Spectrum* find(const SpectrumKey& key) const;
  /// Writes a spectrum that is not there yet. Errors: kIo, kTooLarge.
  [[nodiscard]] Status add(const SpectrumKey& key, const Spectrum& spectrum);

 private:
  struct State;
  explicit SpectraFile(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// A weight whose spectrum is asked for.
struct SpectrumRequest {
  tensor::TensorView weight;
  EigenMethod method = EigenMethod::kAuto;
  std::optional<std::uint64_t> shuffle_seed;
};

struct Spectra {
  std::vector<Spectrum> spectra;  ///< one for each request
  std::size_t taken_over = 0;     ///< that were in the file
};

/// Computes on up to thread_limit() threads, one weight on each, with the same bits for any number of them;
/// each is written to `kept`, where there is one, as soon as it is there. Progress: "spectra". Errors: those
/// of spectrum_of, of one of the requests, and of the file.
[[nodiscard]] Result<Spectra> spectra_of(std::span<const SpectrumRequest> requests, SpectraFile* kept);

struct ScoreOptions {
  Metric metric = Metric::kAlphaPeak;
  PeakLower peak_lower = PeakLower::kCompat;
  EigenMethod method = EigenMethod::kAuto;
  MappingOptions mapping;
  std::uint64_t shuffle_seed = 0;  ///< of kRandomDistance
};

/// What the scores call the model.
struct ModelLabel {
  std::string name;
  std::string type;  ///< the configuration's model_type; "" where it is not known
};

struct Scoring {
  Scores scores;
  std::size_t matrices = 0;    ///< spectra that were needed
  std::size_t taken_over = 0;  ///< of them, those that were in the file
};

/// Scores the layers of a stack of blocks, in its order. `tensors` are all weights of the model, those of the
/// stack among them: the scores are bound to the root of their manifest. The object `assay` of the scores has
/// that root, the raw metrics, what they depend on, and notes on what was out of the ordinary. What needs no
/// spectrum comes first. Errors: those of weights::Manifest::of, spectra_of, evaluate (with the layer's name)
/// and pruning_ratios.
[[nodiscard]] Result<Scoring> score(const weights::Stack& stack,
                                    std::span<const tensor::StoredTensor> tensors, const ModelLabel& model,
                                    const ScoreOptions& options, SpectraFile* kept);

/// Metrics that were not computed here, such as a file of the original pipeline.
struct GivenMetrics {
  std::vector<double> values;  ///< one for each layer, in the order of the stack
  std::string source;          ///< what the scores say of where they come from: a file's path
};

/// Scores from such metrics; of `options`, those of the mapping and the metric's name count. Nothing shows
/// that the metrics are of this model's weights: the scores are bound to no root, and a note says where the
/// metrics come from. Errors: kMismatch, at the source (another number of metrics); those of pruning_ratios.
[[nodiscard]] Result<Scores> score_given(const weights::Stack& stack, const ModelLabel& model,
                                         const GivenMetrics& metrics, const ScoreOptions& options);

}  // namespace assay::layers
