// Runs of a small llama that vectors/audit/generate_llama.py computed from the pages alone, and the verdicts
// that it says come of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "assay/audit_check.h"
#include "assay/weights_manifest.h"
#include "audit/key_contents.h"
#include "audit/statistics.h"
#include "base/file.h"
#include "base/json.h"

namespace assay::audit {
namespace {

const std::filesystem::path kLlama = std::filesystem::path(ASSAY_VECTORS) / "audit/llama";

const Json& verdicts() {
  static const Json json = read_json_file(kLlama / "verdicts.json", 1 << 20).value();
  return json;
}

weights::Folder model() { return weights::Folder::open(kLlama / "model").value(); }

Digest seed() {
  Digest seed{};
  std::ranges::copy(from_hex(verdicts()["seed"].get<std::string>(), "seed").value(), seed.begin());
  return seed;
}

Digest root() { return weights::Manifest::of(model().tensors())->root(); }

Reference by_weights() { return Reference::of(model(), RowDtype::kBF16, root()).value(); }

Reference by_key() {
  World world = World::system();
  world.fill_random = [](std::span<std::uint8_t> bytes) {
    std::ranges::copy(seed(), bytes.begin());
    return Status();
  };
  Key::Options options;
  options.manifest = root();
  options.vectors = verdicts()["vectors"].get<std::uint32_t>();
  return Reference::of(Key::enroll(model(), options, world).value().front());
}

/// "" where it was accepted, else the step.
std::string step_of(const std::string& name, const Reference& reference) {
  const std::filesystem::path folder = kLlama / name;
  Expectation expected;
  const Json digests = read_json_file(kLlama / "../digests.json", 1 << 16).value();
  std::ranges::copy(from_hex(digests["public_key"].get<std::string>(), "key").value(),
                    expected.provider.begin());
  expected.request = Request::read(folder / "request").value();
  expected.challenge = Challenge::read(folder / "challenge").value();
  expected.tolerance = Tolerance::of(RowDtype::kBF16);
  const Openings openings = Openings::read(folder / "openings").value();
  const SignedHead head = SignedHead::read(folder / "head").value();
  const Verdict verdict = check(head, &openings, expected, reference).value();
  return verdict.ok() ? "" : verdict.step();
}

class KeptLlama : public testing::TestWithParam<std::string> {};

TEST_P(KeptLlama, HasTheVerdictOfThePage) {
  const Json& said = verdicts()["cases"][GetParam()];
  EXPECT_EQ(step_of(GetParam(), by_weights()), said["by_weights"].get<std::string>());
  EXPECT_EQ(step_of(GetParam(), by_key()), said["by_key"].get<std::string>());
}

std::vector<std::string> cases() {
  std::vector<std::string> names;
  for (const auto& [name, said] : verdicts()["cases"].items()) names.push_back(name);
  return names;
}

INSTANTIATE_TEST_SUITE_P(Vectors, KeptLlama, testing::ValuesIn(cases()),
                         [](const auto& one) { return one.param; });

TEST(LlamaVectors, SecretVectorsAreThoseOfTheSeed) {
  const Reference reference = by_key();
  constexpr std::uint32_t kUp = 5;
  EXPECT_EQ(reference.facts().table.ops[kUp].output, (Wire{0, Role::kUp}));
  std::uint32_t vector = 0;
  for (const Json& said : verdicts()["normal_values_of_up"]) {
    std::vector<double> drawn(said.size());
    internal::fill_normal(seed(), kUp, vector++, drawn);
    for (std::size_t i = 0; i < drawn.size(); ++i) EXPECT_NEAR(drawn[i], said[i].get<double>(), 1e-14);
  }
  EXPECT_EQ(vector, 2U);
}

// Its own is by a series and a fraction, that of the vectors by a sum over the density.
TEST(LlamaVectors, TailsOfChiSquare) {
  for (const auto& [name, said] : verdicts()["cases"].items()) {
    const Json& up = said["up"];
    const double tail =
        internal::log_chi_square_tail(up["squares"].get<double>(), up["degrees"].get<double>());
    EXPECT_NEAR(tail, up["log_tail"].get<double>(), 1e-9) << name;
  }
}

}  // namespace
}  // namespace assay::audit
