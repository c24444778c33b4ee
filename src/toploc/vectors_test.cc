// Published proofs: of the library's README and tests, of a trainer that used it, of a port to another
// language; and those that an independent implementation gives for the library's own test data.
#include <gtest/gtest.h>

#include <algorithm>

#include "base/file.h"
#include "base/json.h"
#include "base/sha256.h"
#include "toploc/test_support.h"

namespace assay::toploc {
namespace {

const Json& vectors() {
  static const Json json = [] {
    const Bytes bytes = read_file(ASSAY_VECTORS "/toploc/published.json", 1 << 20).value();
    return parse_json({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, "vectors").value();
  }();
  return json;
}

std::vector<std::string> hex_of(const std::vector<Proof>& proofs) {
  std::vector<std::string> texts;
  for (const Proof& proof : proofs) texts.push_back(to_hex(proof.encode()));
  return texts;
}

/// The lengths of chunks of whole elements: the first alone for a prefill, then `batch` at a time.
std::vector<std::uint64_t> chunks_of(const std::vector<std::uint64_t>& elements, bool prefill,
                                     std::size_t batch) {
  std::vector<std::uint64_t> chunks;
  std::size_t i = 0;
  if (prefill) chunks.push_back(elements[i++]);
  for (std::size_t j = 0; i < elements.size(); ++i, ++j) {
    if (j % batch == 0) chunks.push_back(0);
    chunks.back() += elements[i];
  }
  return chunks;
}

Bits torch_states(const Json& vector) {
  TorchNormal normal(vector["seed"].get<std::uint32_t>());
  Bits states;
  for (const Json& count : vector["draws"]) {
    const Bits drawn = normal.draw(count.get<std::size_t>());
    states.insert(states.end(), drawn.begin(), drawn.end());
  }
  return states;
}

TEST(Vectors, TorchStates) {
  for (const Json& vector : vectors()["torch"]) {
    SCOPED_TRACE(vector["name"].get<std::string>());
    const Bits states = torch_states(vector);
    const auto k = vector["topk"].get<std::uint32_t>();
    const auto width = vector["width"].get<std::uint64_t>();
    const Batching batching{vector["batch"].get<std::uint32_t>(),
                            vector["prefill"].get<std::uint64_t>() / width, 0};
    const std::vector<std::uint64_t> lengths = chunk_lengths(states.size() / width, width, batching).value();
    const std::vector<Proof> proofs = build(states, lengths, k, TieRule::kLibstdcxx).value();
    EXPECT_EQ(hex_of(proofs), vector["proofs"].get<std::vector<std::string>>());
    for (std::size_t i = 0; i < proofs.size() && vector.contains("base64"); ++i) {
      EXPECT_EQ(to_base64(proofs[i].encode()), vector["base64"][i].get<std::string>());
      EXPECT_EQ(from_base64(vector["base64"][i].get<std::string>(), "").value(), proofs[i].encode());
    }
  }
}

TEST(Vectors, TorchStatesTimesOnePercent) {
  const Json& vector = vectors()["torch"][0];
  const Bits states = torch_states(vector);
  const std::vector<std::uint64_t> lengths = chunk_lengths(15, 16, {3, 5, 0}).value();
  const std::vector<Proof> proofs = build(states, lengths, 4, TieRule::kLibstdcxx).value();
  Bits scaled = states;
  // A product of bf16 with a Python number is taken in float.
  for (std::size_t i = 0; i < states.size(); ++i) scaled[i] = to_bf16(from_bf16(states[i]) * 1.01F);
  const auto comparisons = compare_all(proofs, scaled, lengths, 4, TieRule::kLibstdcxx).value();
  ASSERT_EQ(comparisons.size(), vector["times_1.01"].size());
  for (std::size_t i = 0; i < comparisons.size(); ++i) {
    const Json& expected = vector["times_1.01"][i];
    EXPECT_EQ(comparisons[i].exponent_mismatches, expected[0].get<std::uint32_t>()) << i;
    EXPECT_EQ(comparisons[i].mantissa_mean, expected[1].get<double>()) << i;
    EXPECT_EQ(comparisons[i].mantissa_median, expected[2].get<double>()) << i;
  }
}

TEST(Vectors, EndToEnd) {
  const Json& vector = vectors()["end_to_end"];
  const auto rows = vector["rows"].get<std::size_t>();
  const auto width = vector["width"].get<std::size_t>();
  const Bits states = TorchNormal(vector["seed"].get<std::uint32_t>()).draw(rows * width);
  const std::vector<std::uint64_t> lengths = chunk_lengths(rows, width, {}).value();
  const std::vector<Proof> proofs = build(states, lengths, 128, TieRule::kLibstdcxx).value();
  ASSERT_EQ(proofs.size(), vector["proofs"].get<std::size_t>());
  Sha256 hash;
  for (const Proof& proof : proofs) hash.update(proof.encode());
  EXPECT_EQ(to_hex(hash.digest()), vector["sha256"].get<std::string>());
  for (std::size_t i = 0; i < proofs.size(); ++i) {
    const bool lower = i == vector["chunk_with_lower_modulus"].get<std::size_t>();
    EXPECT_EQ(proofs[i].modulus, lower ? vector["lower_modulus"].get<std::uint32_t>() : kPrime) << i;
  }
  const Verification honest = verify_chunks(encoded(proofs), states, lengths, 128, Profile::published());
  EXPECT_TRUE(honest.verdict.ok()) << honest.verdict.reason();
  // The other rule keeps other values of the same magnitude, which only the bytes show.
  const std::vector<Proof> canonical = build(states, lengths, 128, TieRule::kLowerIndex).value();
  std::size_t different = 0;
  for (std::size_t i = 0; i < proofs.size(); ++i) different += canonical[i] != proofs[i] ? 1 : 0;
  EXPECT_EQ(different, 23u);
}

TEST(Vectors, Splitmix) {
  for (const Json& vector : vectors()["splitmix"]) {
    const auto seed = vector["seed"].get<std::uint64_t>();
    SCOPED_TRACE(seed);
    const auto elements = vector["lengths"].get<std::vector<std::uint64_t>>();
    std::uint64_t total = 0;
    for (const std::uint64_t length : elements) total += length;
    Bits states = splitmix_states(seed, total);
    if (vector.contains("set")) {
      for (const Json& pair : vector["set"])
        states[pair[0].get<std::size_t>()] = pair[1].get<std::uint16_t>();
    }
    const auto k = vector["topk"].get<std::uint32_t>();
    const auto lengths =
        chunks_of(elements, vector["prefill"].get<bool>(), vector["batch"].get<std::size_t>());
    const std::vector<Proof> proofs = build(states, lengths, k, TieRule::kLibstdcxx).value();
    EXPECT_EQ(hex_of(proofs), vector["proofs"].get<std::vector<std::string>>());
    // These states have no ties where it matters.
    EXPECT_EQ(build(states, lengths, k, TieRule::kLowerIndex).value(), proofs);
    if (vector.contains("modulus")) {
      EXPECT_EQ(proofs[0].modulus, vector["modulus"].get<std::uint32_t>());
    }

    // The published verifier gives (3, 0, 0) on the last one's own states: it forgets to reduce indices.
    for (const Comparison& same : compare_all(proofs, states, lengths, k, TieRule::kLibstdcxx).value()) {
      EXPECT_EQ(same.exponent_mismatches, 0u);
      EXPECT_EQ(same.mantissa_mean, 0);
      EXPECT_EQ(same.mantissa_median, 0);
    }
    if (!vector.contains("perturbed")) continue;
    const Json& expected = vector["perturbed"];
    const auto comparisons =
        compare_all(proofs, perturbed(states, seed), lengths, k, TieRule::kLibstdcxx).value();
    for (std::size_t i = 0; i < comparisons.size(); ++i) {
      const Comparison& c = comparisons[i];
      if (expected.contains("exponents")) {
        EXPECT_EQ(c.exponent_mismatches, expected["exponents"][i].get<unsigned>());
      }
      if (expected.contains("means")) {
        EXPECT_NEAR(c.mantissa_mean, expected["means"][i].get<double>(), 1e-4);
      }
      if (expected.contains("medians")) {
        EXPECT_EQ(c.mantissa_median, expected["medians"][i].get<double>()) << i;
      }
      if (expected.contains("upper_medians")) {
        EXPECT_EQ(c.mantissa_median_upper, expected["upper_medians"][i].get<double>()) << i;
      }
    }
  }
}

TEST(Vectors, Polynomials) {
  for (const Json& vector : vectors()["interpolation"]) {
    const auto x = vector["x"].get<std::vector<std::uint32_t>>();
    const auto y = vector["y"].get<std::vector<std::uint32_t>>();
    EXPECT_EQ(interpolate(x, y).value(), vector["coefficients"].get<std::vector<std::uint32_t>>());
  }
  const Json& vector = vectors()["proof"];
  const Bytes bytes = from_hex(vector["bytes"].get<std::string>(), "").value();
  const Proof proof = Proof::decode(bytes, 4, "").value();
  EXPECT_EQ(proof.modulus, vector["modulus"].get<std::uint32_t>());
  EXPECT_EQ(proof.coefficients, vector["coefficients"].get<std::vector<std::uint16_t>>());
  EXPECT_EQ(proof.encode(), bytes);
  EXPECT_EQ(to_base64(bytes), vector["base64"].get<std::string>());
  const std::vector<std::uint32_t> coefficients(proof.coefficients.begin(), proof.coefficients.end());
  EXPECT_EQ(evaluate(coefficients, std::vector<std::uint32_t>{42}).value()[0],
            vector["at_42"].get<std::uint32_t>());
  const auto indices = vectors()["modulus"]["indices"].get<std::vector<std::uint32_t>>();
  EXPECT_EQ(injective_modulus(indices).value(), vectors()["modulus"]["modulus"].get<std::uint32_t>());
}

}  // namespace
}  // namespace assay::toploc
