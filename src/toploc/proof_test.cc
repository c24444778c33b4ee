#include <gtest/gtest.h>

#include <numeric>

#include "toploc/test_support.h"

namespace assay::toploc {
namespace {

/// BE16 numbers.
Bytes words(std::initializer_list<std::uint32_t> numbers) {
  Bytes bytes;
  for (const std::uint32_t number : numbers) {
    bytes.push_back(static_cast<std::uint8_t>(number >> 8));
    bytes.push_back(static_cast<std::uint8_t>(number));
  }
  return bytes;
}

ErrorCode code_of(const Bytes& bytes, std::uint32_t k) { return Proof::decode(bytes, k, "p").error().code; }

TEST(ProofBytes, HaveOneForm) {
  const Bytes bytes = words({kPrime, 1, 0, kPrime - 1});
  EXPECT_EQ(Proof::decode(bytes, 3, "").value().encode(), bytes);
  EXPECT_TRUE(Proof::decode(words({3, 0, 0, 0}), 3, "").ok());
}

TEST(ProofBytes, OfAnotherFormAreRefused) {
  EXPECT_EQ(code_of({}, 2), ErrorCode::kMalformed);
  EXPECT_EQ(code_of({0xff}, 2), ErrorCode::kMalformed);
  EXPECT_EQ(code_of(words({kPrime, 1}), 2), ErrorCode::kMalformed);
  EXPECT_EQ(code_of(words({kPrime, 1, 2, 3}), 2), ErrorCode::kMalformed);
  Bytes odd = words({kPrime, 1, 2});
  odd.push_back(0);
  EXPECT_EQ(code_of(odd, 2), ErrorCode::kMalformed);
  EXPECT_EQ(code_of(words({0, 1, 2}), 2), ErrorCode::kOutOfRange);
  EXPECT_EQ(code_of(words({1, 1, 2}), 2), ErrorCode::kOutOfRange);
  EXPECT_EQ(code_of(words({kPrime + 1, 1, 2}), 2), ErrorCode::kOutOfRange);
  EXPECT_EQ(code_of(words({65535, 1, 2}), 2), ErrorCode::kOutOfRange);
  EXPECT_EQ(code_of(words({kPrime, 1, kPrime}), 2), ErrorCode::kNonCanonical);
  EXPECT_EQ(code_of(words({kPrime, 65535, 1}), 2), ErrorCode::kNonCanonical);
  EXPECT_EQ(code_of(words({kPrime}), 0), ErrorCode::kOutOfRange);
  Bytes most(2 + 2 * std::size_t{kMaxTopK}, 0xf0);
  EXPECT_TRUE(Proof::decode(most, kMaxTopK, "").ok());
  most.resize(most.size() + 2, 0xf0);
  EXPECT_EQ(code_of(most, kMaxTopK + 1), ErrorCode::kOutOfRange);
  EXPECT_EQ(Proof::decode(words({kPrime, 1, kPrime}), 2, "chunk 7").error().to_string(),
            "chunk 7: coefficient 1: 65497 is not below 65497");
}

TEST(Prove, DoesNotDependOnTheOrder) {
  const std::vector<std::uint32_t> indices{70000, 3, 65500}, turned{65500, 70000, 3};
  const Bits values{0x4080, 0xc000, 0x3f80}, values_turned{0x3f80, 0x4080, 0xc000};
  EXPECT_EQ(prove(indices, values).value(), prove(turned, values_turned).value());
}

TEST(Prove, TakesPatternsModuloThePrime) {
  // The highest patterns are NaN; they become small residues, as in the published library.
  const std::vector<std::uint32_t> indices{5};
  EXPECT_EQ(prove(indices, Bits{0xffff}).value().coefficients, (Bits{38}));
}

TEST(Prove, Refuses) {
  const std::vector<std::uint32_t> twice{1, 1}, one{1};
  EXPECT_EQ(prove(twice, Bits{1, 2}).error().code, ErrorCode::kOutOfRange);
  EXPECT_EQ(prove(one, Bits{1, 2}).error().to_string(), "values: 2 values for 1 indices");
  EXPECT_EQ(prove({}, {}).error().code, ErrorCode::kOutOfRange);
  std::vector<std::uint32_t> many(kMaxTopK + 1);
  std::iota(many.begin(), many.end(), 0U);
  EXPECT_EQ(prove(many, Bits(many.size())).error().code, ErrorCode::kOutOfRange);
}

TEST(Build, NamesTheChunkThatIsWrong) {
  const Bits values = TorchNormal(1).draw(64);
  const auto build_of = [&](std::vector<std::uint64_t> lengths, std::uint32_t k) {
    return build(values, lengths, k, TieRule::kLibstdcxx);
  };
  EXPECT_EQ(build_of({32, 28, 4}, 5).error().to_string(), "chunk 2: 4 values, fewer than k = 5");
  EXPECT_EQ(build_of({32, 33}, 4).error().code, ErrorCode::kMismatch);
  EXPECT_EQ(build_of({32, 31}, 4).error().code, ErrorCode::kMismatch);
  EXPECT_EQ(build_of({UINT64_MAX, 65}, 4).error().code, ErrorCode::kMismatch);
  EXPECT_EQ(build_of({32, 32}, 0).error().to_string(), "chunk 0: k: 0 is not in 1 to 4096");
  EXPECT_EQ(build_of({32, 32}, 32).value().size(), 2u);
  EXPECT_TRUE(build({}, {}, 4, TieRule::kLibstdcxx).value().empty());
}

// 4000 large values spread over 2^27: no modulus tells them apart.
TEST(Build, TellsWhereThereIsNoModulus) {
  Bits values(std::size_t{1} << 22);
  std::mt19937 random(1);
  for (int i = 0; i < 4096; ++i) values[random() % values.size()] = 0x4000;
  EXPECT_EQ(build(values, equal_chunks(1, values.size()), 4000, TieRule::kLibstdcxx).error().place,
            "chunk 0: indices");
}

TEST(Build, DoesNotDependOnThreads) {
  const Bits values = TorchNormal(2).draw(16 * 4096);
  const std::vector<std::uint64_t> lengths = equal_chunks(16, 4096);
  const auto alone = [&] {
    const ThreadLimitScope one(1);
    return build(values, lengths, 32, TieRule::kLibstdcxx).value();
  }();
  const ThreadLimitScope four(4);
  EXPECT_EQ(build(values, lengths, 32, TieRule::kLibstdcxx).value(), alone);
}

}  // namespace
}  // namespace assay::toploc
