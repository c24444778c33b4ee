// A small corpus with a direction in it, and all that is made of it.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "assay/probe_geometry.h"
#include "assay/probe_statement.h"
#include "assay/probe_training.h"
#include "base/file.h"
#include "base/key_file.h"

namespace assay::probe::test {

inline std::filesystem::path vectors() { return std::filesystem::path(ASSAY_VECTORS) / "probe"; }

inline std::string text_of(const std::filesystem::path& path) {
  const Bytes bytes = read_file(path, std::uint64_t{1} << 30).value();
  return {bytes.begin(), bytes.end()};
}

/// A folder of its own for each test, empty.
inline std::filesystem::path folder() {
  const auto* info = testing::UnitTest::GetInstance()->current_test_info();
  const std::filesystem::path path =
      std::filesystem::path(testing::TempDir()) / (std::string(info->test_suite_name()) + info->name());
  std::filesystem::remove_all(path);
  std::filesystem::create_directories(path);
  return path;
}

inline Digest digest_of_text(const std::string& text) {
  return sha256({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}

inline constexpr std::uint32_t kWidth = 8;
inline constexpr std::uint32_t kLayer = 3;

/// Pairs of texts, one of each label; coordinate 2 says which, `signal` deviations apart.
struct World {
  Activations activations;
  RowsFile rows;
  std::vector<bool> labels;
  Unembedding unembedding;
  Geometry geometry;
  Factor factor;
};

inline Activations activations_of(std::vector<float> values, std::size_t count,
                                  std::uint32_t width = kWidth) {
  const std::filesystem::path path = folder() / "rows.gotact";
  std::vector<std::uint32_t> positions(count);
  for (std::uint32_t i = 0; i < count; ++i) positions[i] = i;
  const std::vector<std::uint32_t> layers = {kLayer};
  write_activations(path, "test/model", Precision::kFp32, width, layers, positions, values).value();
  return open_activations(path).value();
}

inline Unembedding unembedding_of(std::uint32_t width = kWidth, std::uint32_t tokens = 40,
                                  std::uint32_t seed = 3) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(std::size_t{tokens} * width);
  for (float& value : values) value = normal(generator) + 0.5F;
  const std::filesystem::path path = std::filesystem::path(testing::TempDir()) / "probe_test.gotue";
  UnembeddingWriter writer = UnembeddingWriter::create(path, tokens, width).value();
  writer.add(values).value();
  writer.finish().value();
  return open_unembedding(path).value();
}

inline World world(std::size_t pairs = 60, float signal = 2, std::uint32_t width = kWidth) {
  std::mt19937 generator(11);
  std::normal_distribution<float> normal;
  World out;
  out.rows = {"test/model", Digest{1}, {}, Digest{2}, "last", "cpu", {}};
  std::vector<float> values;
  for (std::uint32_t i = 0; i < 2 * pairs; ++i) {
    const bool label = i % 2 == 1;
    out.rows.texts.push_back({"pair " + std::to_string(i / 2), label, {i, 7, label ? 8U : 9U}, {2}});
    out.labels.push_back(label);
    for (std::uint32_t j = 0; j < width; ++j)
      values.push_back(normal(generator) + (j == 2 && label ? signal : 0.0F));
  }
  out.activations = activations_of(values, 2 * pairs, width);
  out.unembedding = unembedding_of(width);
  out.geometry = geometry_of(out.unembedding, true, {}).value();
  out.factor = factor_of(out.geometry).value();
  return out;
}

inline Examples examples(const World& world) {
  return examples_of(world.activations, kLayer, world.labels, &world.rows).value();
}

inline Trained trained(const World& world, std::size_t permutations = 0) {
  TrainingOptions options;
  options.dimension = "tense";
  options.permutations = permutations;
  options.rows = &world.rows;
  return train(examples(world), world.factor, options).value();
}

inline ProbeSet set_of(const World& world, const Trained& made) {
  ProbeSet set;
  set.layer = kLayer;
  OriginalProbe named;
  named.dimension = "tense";
  for (const double value : made.probe.vector) named.weights.push_back(static_cast<float>(value));
  set.probes = {named};
  SetDetails details;
  details.model_id = "test/model";
  details.width = world.activations.width;
  details.unembedding = world.unembedding.sha256;
  details.geometry = {true, std::nullopt, world.factor.jitter, world.geometry.trace,
                      world.geometry.frobenius};
  details.activations = world.activations.sha256;
  details.rows = digest_of_text(world.rows.encode());
  details.labels = Digest{5};
  details.split_seed = 1;
  details.probes = {made.probe};
  set.details = details;
  return set;
}

/// A provider with a key, and a statement about all rows of its corpus, with what a verifier holds it
/// against.
struct Stated {
  World world;
  ProbeSet set;
  TokensFile tokens;
  std::filesystem::path key;
  AttestOptions options;
  Statement statement;
  std::string envelope;
  Evidence evidence;

  void sign_again() { envelope = sign(statement, key).value(); }
  [[nodiscard]] Verdict verify(Level require = Level::kReadings) const {
    return probe::verify(envelope, "statement", evidence, require).value();
  }
};

inline Stated stated() {
  Stated out;
  out.world = world();
  out.set = set_of(out.world, trained(out.world));
  out.tokens = {Digest{9}, out.world.rows.token_lists()};
  out.key = std::filesystem::path(testing::TempDir()) / "probe_test.key";
  const SigningKey key = SigningKey::from_seed({1, 2, 3});
  const std::string pem = encode_signing_key(key);
  write_private_file(out.key, {reinterpret_cast<const std::uint8_t*>(pem.data()), pem.size()},
                     AtomicFile::Existing::kReplace)
      .value();
  out.options.nonce = Digest{4};
  out.options.issued_at = 1000000;
  out.options.previous = Digest{6};
  const Digest set_digest = digest_of_text(out.set.encode());
  const Digest rows_digest = digest_of_text(out.world.rows.encode());
  out.statement = attest(out.world.activations, out.set, set_digest, &out.world.rows, rows_digest,
                         &out.tokens, out.options)
                      .value()
                      .statement;
  out.statement.key_id = key_id_of(key.public_key());
  out.sign_again();
  Evidence& evidence = out.evidence;
  evidence.key = key.public_key();
  evidence.now = 1000100;
  evidence.nonce = out.options.nonce;
  evidence.previous = out.options.previous;
  evidence.activations = out.world.activations;
  evidence.set = out.set;
  evidence.set_digest = set_digest;
  evidence.unembedding = out.world.unembedding;
  evidence.tokens = out.tokens;
  evidence.rows_digest = rows_digest;
  evidence.weights_root = Digest{2};
  return out;
}

inline const Verdict& level(const Verdict& verdict, Level which) {
  return verdict.parts()[static_cast<std::size_t>(which)].verdict;
}

/// The step that a level says no with; "" where it accepts.
inline std::string step(const Stated& stated, Level which) {
  const Verdict verdict = stated.verify(Level::kStatistics);
  return level(verdict, which).step();
}

inline Corpus corpus_of(const Stated& stated) {
  return {stated.world.activations, stated.world.labels, Digest{5}, stated.world.rows,
          stated.evidence.rows_digest};
}

}  // namespace assay::probe::test
