#include "assay/audit_key.h"

#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <mutex>
#include <numbers>
#include <optional>

#include "audit/key_contents.h"
#include "audit/layer_values.h"
#include "base/file.h"
#include "base/key_file.h"
#include "base/random.h"
#include "base/sha256.h"
#include "base/threads.h"
#include "base/try.h"
#include "base/wire.h"

namespace assay::audit {
namespace {

constexpr std::string_view kKeyTag = "assay/audit/key/v";
constexpr std::uint32_t kKeyVersion = 1;
constexpr std::string_view kVectorsTag = "assay/audit/vectors/v1";

using internal::KeyContents;

std::uint64_t layer_bytes(const Op& op, std::uint32_t vectors) {
  return op.out * sizeof(float) + std::uint64_t{vectors} * (op.in + 1) * sizeof(double);
}

std::uint64_t total_bytes(const std::vector<Op>& ops, std::uint32_t vectors) {
  std::uint64_t bytes = 0;
  for (const Op& op : ops) bytes += layer_bytes(op, vectors);
  return bytes;
}

/// The layer of each epoch's key, from one pass over the weight.
Status enroll_layer(const weights::Folder& folder, std::uint32_t layer, std::span<KeyContents> keys) {
  const internal::Facts& facts = keys.front().facts;
  const Op& op = facts.table.ops[layer];
  const internal::LayerValues values = ASSAY_TRY(internal::LayerValues::of(folder, op, facts.dtype));
  const std::uint32_t vectors = keys.front().vectors;
  std::vector<std::vector<double>> normal;  // [key * vectors][out]
  normal.reserve(keys.size() * vectors);
  for (KeyContents& key : keys) {
    key.layers[layer] = {std::vector<float>(op.out), std::vector<double>(vectors * op.in),
                         std::vector<double>(vectors)};
    for (std::uint32_t v = 0; v < vectors; ++v)
      internal::fill_normal(key.seed, layer, v, normal.emplace_back(op.out));
  }
  std::vector<double> row(op.in);
  for (std::uint64_t j = 0; j < op.out; ++j) {
    ASSAY_TRY(values.row(j, row));
    double squares = values.bias()[j] * values.bias()[j];
    for (const double w : row) squares += w * w;
    const float scale = squares > 0 ? static_cast<float>(std::sqrt(squares)) : 1.0F;
    for (std::size_t k = 0; k < keys.size(); ++k) {
      KeyContents::Layer& out = keys[k].layers[layer];
      out.scales[j] = scale;
      for (std::uint32_t v = 0; v < vectors; ++v) {
        const double r = normal[k * vectors + v][j] / double{scale};
        out.biases[v] += r * values.bias()[j];
        double* projection = &out.projections[v * op.in];
        for (std::size_t i = 0; i < row.size(); ++i) projection[i] += r * row[i];
      }
    }
  }
  return {};
}

std::filesystem::path ended_path(const std::filesystem::path& path) { return path.string() + ".ended"; }

Result<KeyContents::Layer> read_layer(WireReader& reader, const Op& op, std::uint32_t vectors) {
  if (layer_bytes(op, vectors) > reader.remaining())
    return reader.error(ErrorCode::kMalformed, "layer", "the file ends before it");
  KeyContents::Layer layer;
  layer.scales.resize(op.out);
  for (float& scale : layer.scales) {
    scale = std::bit_cast<float>(ASSAY_TRY(reader.u32("scale")));
    if (!(scale > 0 && std::isfinite(scale)))
      return reader.error(ErrorCode::kOutOfRange, "scale", "no size of an output");
  }
  layer.projections.resize(vectors * op.in);
  layer.biases.resize(vectors);
  for (std::vector<double>* values : {&layer.projections, &layer.biases}) {
    for (double& value : *values) {
      value = std::bit_cast<double>(ASSAY_TRY(reader.u64("projection")));
      if (!std::isfinite(value))
        return reader.error(ErrorCode::kOutOfRange, "projection", "it is not finite");
    }
  }
  return layer;
}

}  // namespace

namespace internal {

void fill_normal(const Digest& seed, std::uint32_t layer, std::uint32_t vector, std::span<double> out) {
  ChaCha20Stream random(
      Sha256().update(kVectorsTag).update(seed).update_u32(layer).update_u32(vector).digest());
  for (std::size_t i = 0; i < out.size(); i += 2) {
    // Of 53 bits each; the first is not 0.
    const double u = static_cast<double>((random.next_u64() >> 11) + 1) * 0x1p-53;
    const double angle = 2 * std::numbers::pi * static_cast<double>(random.next_u64() >> 11) * 0x1p-53;
    const double radius = std::sqrt(-2 * std::log(u));
    out[i] = radius * std::cos(angle);
    if (i + 1 < out.size()) out[i + 1] = radius * std::sin(angle);
  }
}

std::vector<double> KeyContents::draw(std::uint32_t layer) const {
  const std::vector<float>& scales = layers[layer].scales;
  std::vector<double> r(vectors * scales.size());
  for (std::uint32_t v = 0; v < vectors; ++v) {
    const std::span<double> one = std::span(r).subspan(v * scales.size(), scales.size());
    fill_normal(seed, layer, v, one);
    for (std::size_t j = 0; j < one.size(); ++j) one[j] /= double{scales[j]};
  }
  return r;
}

std::span<const double> KeyContents::vectors_of(std::uint32_t layer) const {
  Drawn& drawn = drawn_[layer];
  std::call_once(drawn.once, [&] { drawn.r = draw(layer); });
  return drawn.r;
}

KeyContents::Drawn::~Drawn() { sodium_memzero(r.data(), r.size() * sizeof(double)); }

KeyContents::~KeyContents() { sodium_memzero(seed.data(), seed.size()); }

}  // namespace internal

Result<std::vector<Key>> Key::enroll(const weights::Folder& folder, const Options& options,
                                     const World& world) {
  if (options.vectors == 0 || options.vectors > kMaxVectors)
    return Error{ErrorCode::kOutOfRange, "vectors",
                 fmt::format("{}, not 1 to {}", options.vectors, kMaxVectors)};
  if (options.epochs == 0 || options.epochs > kMaxEpochs)
    return Error{ErrorCode::kOutOfRange, "epochs",
                 fmt::format("{}, not 1 to {}", options.epochs, kMaxEpochs)};
  const internal::Facts facts = ASSAY_TRY(internal::Facts::of(folder, options.dtype, options.manifest));
  WireWriter rest;
  facts.write(rest);
  constexpr std::size_t kHead = 128;
  const auto bytes_with = [&](std::uint32_t vectors) {
    return kHead + rest.bytes().size() + total_bytes(facts.table.ops, vectors);
  };
  if (bytes_with(options.vectors) > kMaxBytes) {
    std::uint32_t fitting = options.vectors;
    while (fitting > 0 && bytes_with(fitting) > kMaxBytes) --fitting;
    return Error{ErrorCode::kTooLarge, "vectors",
                 fmt::format("a key with {} vectors has {} bytes, at most {} are kept: {} vectors fit",
                             options.vectors, bytes_with(options.vectors), kMaxBytes, fitting)};
  }
  std::vector<KeyContents> keys(options.epochs);
  for (std::uint32_t epoch = 0; epoch < options.epochs; ++epoch) {
    keys[epoch].epoch = epoch;
    keys[epoch].vectors = options.vectors;
    keys[epoch].facts = facts;
    keys[epoch].set_layer_count(facts.table.ops.size());
    ASSAY_TRY(world.fill_random(keys[epoch].seed));
  }
  std::mutex mutex;
  std::optional<Error> failed;
  Progress progress("enrolling", facts.table.ops.size());
  parallel_for(0, facts.table.ops.size(), 1, [&](std::size_t first, std::size_t last) {
    for (std::size_t layer = first; layer < last; ++layer) {
      const Status done = enroll_layer(folder, static_cast<std::uint32_t>(layer), keys);
      progress.advance();
      if (done.ok()) continue;
      const std::scoped_lock lock(mutex);
      if (!failed) failed = done.error();
    }
  });
  if (failed) return *failed;
  std::vector<Key> made;
  made.reserve(keys.size());
  for (KeyContents& key : keys) made.push_back(Key(std::make_shared<const KeyContents>(std::move(key))));
  return made;
}

std::uint32_t Key::epoch() const { return contents_->epoch; }
std::uint32_t Key::vectors() const { return contents_->vectors; }
const Digest& Key::manifest() const { return contents_->facts.manifest; }
std::size_t Key::layers() const { return contents_->layers.size(); }

Bytes Key::encode() const {
  WireWriter writer;
  writer.begin(kKeyTag, kKeyVersion).u32(contents_->epoch).raw(contents_->seed).u32(contents_->vectors);
  contents_->facts.write(writer);
  for (const KeyContents::Layer& layer : contents_->layers) {
    for (const float scale : layer.scales) writer.u32(std::bit_cast<std::uint32_t>(scale));
    for (const double value : layer.projections) writer.u64(std::bit_cast<std::uint64_t>(value));
    for (const double value : layer.biases) writer.u64(std::bit_cast<std::uint64_t>(value));
  }
  return writer.take();
}

Result<Key> Key::decode(ByteSpan bytes, std::string_view place) {
  if (bytes.size() > kMaxBytes)
    return Error{ErrorCode::kTooLarge, std::string(place),
                 fmt::format("{} bytes, at most {} are read", bytes.size(), kMaxBytes)};
  WireReader reader(bytes, place);
  ASSAY_TRY(reader.begin(kKeyTag, kKeyVersion));
  KeyContents key;
  key.epoch = ASSAY_TRY(reader.u32("epoch"));
  if (key.epoch >= kMaxEpochs) return reader.error(ErrorCode::kOutOfRange, "epoch", "there is no such epoch");
  std::ranges::copy(ASSAY_TRY(reader.raw(key.seed.size(), "seed")), key.seed.begin());
  key.vectors = ASSAY_TRY(reader.u32("vectors"));
  if (key.vectors == 0 || key.vectors > kMaxVectors)
    return reader.error(ErrorCode::kOutOfRange, "vectors", fmt::format("not 1 to {}", kMaxVectors));
  key.facts = ASSAY_TRY(internal::Facts::read(reader));
  const std::vector<Op>& ops = key.facts.table.ops;
  key.set_layer_count(ops.size());
  for (std::size_t layer = 0; layer < ops.size(); ++layer)
    key.layers[layer] = ASSAY_TRY(read_layer(reader, ops[layer], key.vectors));
  ASSAY_TRY(reader.finish());
  return Key(std::make_shared<const KeyContents>(std::move(key)));
}

Result<Key> Key::read(const std::filesystem::path& path) {
  std::error_code failure;
  if (std::filesystem::exists(ended_path(path), failure))
    return Error{ErrorCode::kMismatch, path.string(),
                 "its epoch ended with a rejection: take the key of the next epoch"};
  ASSAY_TRY(check_private(path));
  return decode(ASSAY_TRY(read_file(path, kMaxBytes, kKeyTag, kKeyVersion)), path.string());
}

Status Key::write(const std::filesystem::path& path) const {
  return write_private_file(path, encode(), AtomicFile::Existing::kKeep);
}

Status Key::end_epoch(const std::filesystem::path& path) {
  return write_file(ended_path(path), std::string_view("a rejection ended this epoch\n"));
}

}  // namespace assay::audit
