// Decodes proofs, files of proofs and profiles: what is taken has one encoding (a profile one
// meaning), and whatever a proof says, it is compared and judged without a crash, and not accepted in place
// of the honest one unless it says the same. Input: one byte of choice, one of k, then the bytes.
#include <algorithm>

#include "assay/toploc_verdict.h"
#include "base/check.h"

namespace {

using namespace assay;
using namespace assay::toploc;

constexpr std::size_t kChunk = 600;

/// Three chunks of values with ties, of both signs; the last two are alike.
std::vector<std::uint16_t> own_states() {
  std::vector<std::uint16_t> values(2 * kChunk);
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<std::uint16_t>((i * 0x9e37 + 11) % 5 << 15 | (0x3f00 + i * 7919 % 0x180));
  values.resize(3 * kChunk);
  std::copy_n(values.begin() + kChunk, kChunk, values.begin() + 2 * kChunk);
  return values;
}

void judge(ByteSpan bytes, std::uint32_t k) {
  const Result<Proof> proof = Proof::decode(bytes, k, "fuzz");
  if (proof.ok()) ASSAY_CHECK(std::ranges::equal(proof->encode(), bytes), to_hex(proof->encode()));
  const std::vector<std::uint16_t> values = own_states();
  const std::vector<std::uint64_t> lengths{kChunk, kChunk, kChunk};
  const std::vector<Proof> honest = build(values, lengths, k, TieRule::kLibstdcxx).value();
  const Bytes doubtful(bytes.begin(), bytes.end());
  const std::vector<Bytes> given{honest[0].encode(), doubtful, doubtful};
  Profile bounds = Profile::published();
  bounds.minimum_points = 1;  // three chunks of k values are fewer than it asks for
  Asked asked;
  asked.parameters.topk = k;
  States states;
  states.values = values;
  states.lengths = lengths;
  states.rows = lengths.size() * asked.parameters.batching.decode_batching_size;
  const Verification found = toploc::verify(Offer{given}, asked, states, bounds).value();
  ASSAY_CHECK_EQ(found.comparisons.empty(), !proof.ok());
  if (!proof.ok()) {
    ASSAY_CHECK_EQ(found.verdict.step(), "proof form");
    return;
  }
  const Comparison& c = found.comparisons[1];
  ASSAY_CHECK_EQ(c.points, k);
  ASSAY_CHECK_LE(c.exponent_mismatches, k);
  ASSAY_CHECK_LE(c.sign_mismatches, k);
  ASSAY_CHECK(
      c.mantissa_mean <= 127 || (c.mantissa_mean == Comparison::kNoMatch && c.exponent_mismatches == k),
      c.mantissa_mean, c.exponent_mismatches, k);
  if (!found.verdict.ok()) return;
  // A third of the sequence is honest, so that the bounds on its means say little: those on a chunk must
  // hold.
  ASSAY_CHECK_GE(c.modulus, least_honest_modulus(k));
  ASSAY_CHECK_LE(128.0 * c.exponent_mismatches / k, bounds.chunk_exponent_mismatches);
  ASSAY_CHECK_GE(1.0 * c.distinct_values / c.distinct_own, bounds.dispersion / 2);
  // One chunk of the three may deviate, and what is given stands for two.
  ASSAY_CHECK_LE(128.0 * c.exponent_mismatches / k, bounds.exponent_mismatches);
  ASSAY_CHECK_LE(c.mantissa_mean, bounds.mantissa_mean);
  ASSAY_CHECK_LE(c.mantissa_median, bounds.mantissa_median);
}

void read_text(std::string_view text, std::uint8_t choice) {
  if (choice == 1) {
    const Result<ProofFile> file = ProofFile::decode(text, "fuzz");
    if (file.ok()) ASSAY_CHECK_EQ(*file->encode(), text);
  } else {
    const Result<Profile> profile = Profile::from_json(text, "fuzz");
    if (profile.ok())
      ASSAY_CHECK(*Profile::from_json(profile->to_json(), "again") == *profile, profile->to_json());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const ByteSpan bytes(data + 2, size - 2);
  const std::uint8_t choice = data[0] % 3;
  if (choice == 0) {
    judge(bytes, 1 + data[1] % 32U);
  } else {
    read_text({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, choice);
  }
  return 0;
}
