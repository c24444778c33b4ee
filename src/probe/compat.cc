// The original's arithmetic, in f32 and in its order.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "assay/probe_attestation.h"
#include "assay/probe_geometry.h"
#include "base/file.h"
#include "base/sha256.h"
#include "base/try.h"

namespace assay::probe {
namespace {

constexpr std::size_t kMaxShards = 65536;

float sum_of_products(std::span<const float> a, std::span<const float> b) {
  float sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

float sigmoid(float f) { return 1.0F / (1.0F + std::exp(-f)); }

/// Cholesky in order, in f32: whether each pivot is above 0.
bool has_factor(std::span<const float> phi, std::size_t width) {
  std::vector<float> lower(phi.begin(), phi.end());
  for (std::size_t i = 0; i < width; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      float sum = lower[i * width + j];
      for (std::size_t k = 0; k < j; ++k) sum -= lower[i * width + k] * lower[j * width + k];
      if (i == j && !(sum > 0)) return false;
      lower[i * width + j] = i == j ? std::sqrt(sum) : sum / lower[j * width + j];
    }
  }
  return true;
}

/// Platt's numbers by SGD on smoothed targets.
void calibrate(OriginalProbe& probe, const std::vector<float>& raw, const std::vector<bool>& labels,
               const CompatTraining& options) {
  const auto positives = static_cast<float>(std::ranges::count(labels, true));
  const float negatives = static_cast<float>(labels.size()) - positives;
  for (std::uint32_t epoch = 0; epoch < options.platt_epochs; ++epoch) {
    for (std::size_t i = 0; i < raw.size(); ++i) {
      const float target = labels[i] ? (positives + 1) / (positives + 2) : 1 / (negatives + 2);
      const float error = sigmoid(probe.platt_scale * raw[i] + probe.platt_shift) - target;
      probe.platt_scale -= options.platt_learning_rate * error * raw[i];
      probe.platt_shift -= options.platt_learning_rate * error;
    }
  }
}

bool is_finite(const OriginalProbe& probe) {
  const auto finite = [](float value) { return std::isfinite(value); };
  return std::ranges::all_of(probe.weights, finite) && finite(probe.bias) && finite(probe.platt_scale) &&
         finite(probe.platt_shift);
}

/// Of the file's bytes as a leaf.
Result<Digest> leaf_of(const std::filesystem::path& path) {
  const MappedFile file = ASSAY_TRY(MappedFile::open(path));
  const std::uint8_t zero = 0;
  return Sha256().update(ByteSpan(&zero, 1)).update(file.bytes()).digest();
}

/// A constant for each number of probes, for it covers their numbers alone.
Digest commitment_of(std::size_t probes) {
  Sha256 hash;
  for (std::size_t i = 0; i < probes; ++i) hash.update_u64(i);
  return hash.digest();
}

Status add_drifts(Attestation& out, const ProbeSet& set, const CompatGeometry& geometry,
                  const Checkpoint& reference) {
  const std::vector<double> phi(geometry.phi.begin(), geometry.phi.end());
  const std::vector<double> before(reference.phi.begin(), reference.phi.end());
  out.geometry_drift = static_cast<float>(ASSAY_TRY(drift(phi, before)));
  for (const OriginalProbe& probe : set.probes) {
    const std::vector<double> vector(probe.weights.begin(), probe.weights.end());
    out.directional_drifts.push_back(
        {probe.dimension, static_cast<float>(ASSAY_TRY(directional_drift(phi, before, vector)))});
  }
  return {};
}

}  // namespace

std::vector<float> CompatGeometry::apply(std::span<const float> h) const {
  std::vector<float> out(width);
  for (std::size_t i = 0; i < width; ++i)
    out[i] = sum_of_products(std::span(phi).subspan(i * width, width), h);
  return out;
}

Result<CompatGeometry> compat_geometry(const Unembedding& unembedding, float epsilon) {
  const Geometry exact = ASSAY_TRY(geometry_of(unembedding, false, {}));
  CompatGeometry out{exact.width, {}, false};
  out.phi.reserve(exact.phi.size());
  for (const double value : exact.phi)
    out.phi.push_back(static_cast<float>(value * static_cast<double>(unembedding.tokens)));
  if (!std::ranges::all_of(out.phi, [](float value) { return std::isfinite(value); }))
    return Error{ErrorCode::kOutOfRange, "geometry", "its numbers are beyond the floats"};
  out.regularised = !has_factor(out.phi, out.width);
  if (out.regularised)
    for (std::size_t i = 0; i < out.width; ++i) out.phi[i * out.width + i] += epsilon;
  return out;
}

Result<OriginalProbe> compat_train(std::string dimension, std::span<const float> rows,
                                   const std::vector<bool>& labels,
                                   const std::vector<bool>* validation_labels, const CompatGeometry& geometry,
                                   const CompatTraining& options) {
  const std::size_t width = geometry.width;
  if (labels.empty() || rows.size() != labels.size() * width)
    return Error{ErrorCode::kMismatch, "labels",
                 fmt::format("{} of them for {} values in rows of {}", labels.size(), rows.size(), width)};
  if (validation_labels != nullptr && validation_labels->size() != labels.size())
    return Error{ErrorCode::kMismatch, "--validation-labels",
                 fmt::format("{} of them, for {} rows", validation_labels->size(), labels.size())};
  std::vector<std::vector<float>> images;
  for (std::size_t i = 0; i < labels.size(); ++i)
    images.push_back(geometry.apply(rows.subspan(i * width, width)));
  OriginalProbe probe;
  probe.dimension = std::move(dimension);
  probe.weights.assign(width, 0);
  for (std::uint32_t epoch = 0; epoch < options.epochs; ++epoch) {
    for (std::size_t i = 0; i < labels.size(); ++i) {
      const float logit = sum_of_products(probe.weights, images[i]) + probe.bias;
      const float error = sigmoid(logit) - (labels[i] ? 1.0F : 0.0F);
      for (std::size_t j = 0; j < width; ++j)
        probe.weights[j] -= options.learning_rate * error * images[i][j];
      probe.bias -= options.learning_rate * error;
    }
  }
  if (validation_labels != nullptr) {
    std::vector<float> raw;
    raw.reserve(images.size());
    for (const std::vector<float>& image : images)
      raw.push_back(sum_of_products(probe.weights, image) + probe.bias);
    calibrate(probe, raw, *validation_labels, options);
  }
  if (!is_finite(probe))
    return Error{ErrorCode::kOutOfRange, "training", "the weights are beyond the floats: a smaller --lr"};
  return probe;
}

Result<Attestation> compat_attest(const Activations& activations, const ProbeSet& set,
                                  const CompatGeometry& geometry, const CompatAttestOptions& options) {
  const LayerRows* layer = activations.find(set.layer);
  if (layer == nullptr)
    return Error{ErrorCode::kMismatch, "layer",
                 fmt::format("the activations do not have layer {}", set.layer)};
  if (activations.width != set.width() || geometry.width != set.width())
    return Error{ErrorCode::kMismatch, "width",
                 fmt::format("rows of {} and an unembedding of {} values for probes of {}", activations.width,
                             geometry.width, set.width())};
  Attestation out;
  out.model_id = options.model_id;
  out.model_hash = options.model_hash;
  out.input_hash = activations.sha256;
  out.timestamp = options.timestamp;
  out.corpus_version = options.corpus_version.empty() ? set.corpus_version : options.corpus_version;
  out.probe_version = set.version;
  const std::vector<float> image = geometry.apply(layer->values.first(activations.width));
  std::vector<float> readings;
  for (const OriginalProbe& probe : set.probes) {
    readings.push_back(sum_of_products(probe.weights, image) + probe.bias);
    out.confidence.push_back(sigmoid(probe.platt_scale * readings.back() + probe.platt_shift));
    out.coverage_flags.push_back(out.confidence.back() < probe.reliability_threshold);
  }
  out.layer_readings = {readings};
  out.divergence_flag = std::ranges::count(out.coverage_flags, true) > 0;
  out.probe_commitment = commitment_of(set.probes.size());
  if (options.parent != nullptr) {
    out.parent_hash = options.parent->hash();
    out.sequence_number = options.parent->sequence_number + 1;
  }
  if (options.reference != nullptr) ASSAY_TRY(add_drifts(out, set, geometry, *options.reference));
  if (const Status valid = out.validate(); !valid.ok()) return valid.error();
  return out;
}

Result<Digest> compat_shards_root(const std::filesystem::path& folder) {
  std::error_code failure;
  std::vector<std::filesystem::path> files;
  for (std::filesystem::directory_iterator at(folder, failure), end; !failure && at != end;
       at.increment(failure))
    if (at->is_regular_file(failure)) files.push_back(at->path());
  if (failure) return Error{ErrorCode::kIo, folder.string(), "cannot be listed: " + failure.message()};
  if (files.empty() || files.size() > kMaxShards)
    return Error{ErrorCode::kMismatch, folder.string(),
                 fmt::format("holds {} files, 1 to {} are taken", files.size(), kMaxShards)};
  std::ranges::sort(files, {}, [](const std::filesystem::path& path) { return path.filename().string(); });
  std::vector<Digest> level;
  level.reserve(files.size());
  for (const std::filesystem::path& file : files) level.push_back(ASSAY_TRY(leaf_of(file)));
  const std::uint8_t one = 1;
  while (level.size() > 1) {
    std::vector<Digest> above;
    for (std::size_t i = 0; i < level.size(); i += 2) {
      const Digest& right = level[std::min(i + 1, level.size() - 1)];
      above.push_back(Sha256().update(ByteSpan(&one, 1)).update(level[i]).update(right).digest());
    }
    level = std::move(above);
  }
  return level[0];
}

}  // namespace assay::probe
