// The headline: no change of one bit, no truncation and no extension of what was honestly made is ever
// accepted.
#include "claim/test_support.h"

namespace assay::claim {
namespace {

using test::Fate;
using test::Sample;

class EveryChange : public ::testing::TestWithParam<Sample (*)()> {
 protected:
  const Sample sample_ = GetParam()();
  const Bytes commitment_ = sample_.commitment.encode();
  const Bytes proofs_ = sample_.proofs.encode();
};

/// Calls `judged` with byte strings that differ from `bytes` in one bit: in every byte up to `thorough` all
/// eight, after that, where an answer costs pairings, two of each byte, which are others from byte to byte.
template <class F>
void for_each_flip(const Bytes& bytes, const F& judged, std::size_t thorough = SIZE_MAX) {
  Bytes changed = bytes;
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      if (at >= thorough && bit != at % 8 && bit != (at + 3) % 8) continue;
      changed[at] = static_cast<std::uint8_t>(bytes[at] ^ (1U << bit));
      const Fate fate = judged(changed);
      ASSERT_TRUE(fate == Fate::kRefused || fate == Fate::kRejected) << "byte " << at << ", bit " << bit;
    }
    changed[at] = bytes[at];
  }
}

TEST_P(EveryChange, HonestFilesAreAccepted) {
  EXPECT_EQ(test::judge(commitment_, proofs_, sample_.checker), Fate::kAccepted);
}

TEST_P(EveryChange, EveryByteOfAProofFileMatters) {
  constexpr std::size_t kFirstValue = 52 + 1 + 4 * 2;
  for_each_flip(
      proofs_, [&](const Bytes& changed) { return test::judge(commitment_, changed, sample_.checker); },
      kFirstValue);
}

TEST_P(EveryChange, EveryBitOfACommitmentFileMatters) {
  for_each_flip(commitment_,
                [&](const Bytes& changed) { return test::judge(changed, proofs_, sample_.checker); });
}

// Somebody who changes the commitment can make the proofs name the changed one: the digest agreed on before
// stops that.
TEST_P(EveryChange, EveryBitOfACommitmentFileMattersWhenTheProofsAreMadeToNameTheChangedOne) {
  VerifyOptions options;
  options.expected_digest = sample_.commitment.digest();
  for_each_flip(commitment_, [&](const Bytes& changed) {
    const Result<Commitment> decoded = Commitment::decode(changed, "commitment");
    if (!decoded) return Fate::kRefused;
    Proofs renamed = sample_.proofs;
    renamed.commitment_digest = decoded->digest();
    return test::fate_of(test::verdict_of(*decoded, renamed, sample_.checker, options));
  });
}

TEST_P(EveryChange, EveryBitOfAHeaderChangesTheDigestOrIsRefused) {
  const Bytes header = sample_.commitment.header.encode();
  for_each_flip(header, [&](const Bytes& changed) {
    const Result<Header> decoded = Header::decode(changed, "header");
    if (!decoded) return Fate::kRefused;
    EXPECT_EQ(decoded->encode(), changed);
    const Commitment relabelled{*decoded, sample_.commitment.value};
    return relabelled.digest() == sample_.commitment.digest() ? Fate::kAccepted : Fate::kRejected;
  });
}

TEST_P(EveryChange, EveryTruncationIsRefused) {
  for (std::size_t length = 0; length < proofs_.size(); ++length)
    ASSERT_FALSE(Proofs::decode(ByteSpan(proofs_).first(length), "proofs").ok()) << length;
  for (std::size_t length = 0; length < commitment_.size(); ++length)
    ASSERT_FALSE(Commitment::decode(ByteSpan(commitment_).first(length), "commitment").ok()) << length;
  const Bytes header = sample_.commitment.header.encode();
  for (std::size_t length = 0; length < header.size(); ++length)
    ASSERT_FALSE(Header::decode(ByteSpan(header).first(length), "header").ok()) << length;
  const Bytes challenge = Challenge{sample_.commitment.digest(), sample_.asked}.encode();
  for (std::size_t length = 0; length < challenge.size(); ++length)
    ASSERT_FALSE(Challenge::decode(ByteSpan(challenge).first(length), "challenge").ok()) << length;
}

TEST_P(EveryChange, EveryByteTooManyIsRefused) {
  const auto longer = [](Bytes bytes) { return bytes.push_back(0), bytes; };
  EXPECT_FALSE(Proofs::decode(longer(proofs_), "proofs").ok());
  EXPECT_FALSE(Commitment::decode(longer(commitment_), "commitment").ok());
  EXPECT_FALSE(Header::decode(longer(sample_.commitment.header.encode()), "header").ok());
  EXPECT_FALSE(
      Challenge::decode(longer(Challenge{sample_.commitment.digest(), sample_.asked}.encode()), "challenge")
          .ok());
}

TEST_P(EveryChange, EveryBitOfAChallengeMatters) {
  const Challenge asked = Challenge::from_seed(sample_.commitment, 2, 1).value();
  const Bytes challenge = asked.encode();
  const Bytes answered =
      prove(sample_.srs, sample_.commitment, sample_.values.view(), asked.queries).value().encode();
  const auto answer = [&](const Bytes& changed) {
    const Result<Challenge> decoded = Challenge::decode(changed, "challenge");
    if (!decoded) return Fate::kRefused;
    VerifyOptions options;
    options.challenge = &*decoded;
    return test::judge(commitment_, answered, sample_.checker, options);
  };
  EXPECT_EQ(answer(challenge), Fate::kAccepted);
  for_each_flip(challenge, answer);
}

INSTANTIATE_TEST_SUITE_P(Samples, EveryChange,
                         ::testing::Values(&test::flat_sample, &test::cube_sample, &test::model_sample));

}  // namespace
}  // namespace assay::claim
