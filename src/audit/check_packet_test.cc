#include <limits>

#include "assay/audit_packet.h"
#include "audit/entry_check.h"
#include "audit/packet_samples_for_test.h"
#include "tensor/float_bits.h"
#include "tensor/test_support.h"

namespace assay::audit {
namespace {

using tensor::Dtype;

constexpr std::array kDtypes{Dtype::kF64, Dtype::kF32, Dtype::kBF16, Dtype::kF16};
constexpr std::array kBounds{RoundingBound::kProbabilistic, RoundingBound::kWorstCase};

/// The packet with entry `index` of C in place of what it was.
Packet with_entry(Packet packet, std::size_t index, double value) {
  const std::size_t size = size_of(packet.header.dtype);
  Bytes bytes;
  put_value(bytes, rounded(value, packet.header.dtype), packet.header.dtype);
  std::copy(bytes.begin(), bytes.end(),
            packet.payload.end() - static_cast<std::ptrdiff_t>(packet.header.c_bytes() - index * size));
  return packet;
}

void expect_rejected(const Verdict& verdict, std::string_view step, std::string_view part) {
  EXPECT_EQ(verdict.outcome(), Outcome::kRejected) << verdict.reason();
  EXPECT_EQ(verdict.step(), step);
  EXPECT_THAT(verdict.reason(), testing::HasSubstr(std::string(part)));
}

TEST(CheckPacket, AcceptsHonestProductsOfEveryDtypeAndLayout) {
  for (const Dtype dtype : kDtypes) {
    for (const bool linear : {false, true}) {
      const Product product(dtype, linear, dtype);
      for (const RoundingBound bound : kBounds) {
        const Verdict verdict = check_packet(product.packet(), product.known, bound);
        EXPECT_TRUE(verdict.ok()) << short_name(dtype) << " " << verdict.reason();
        EXPECT_EQ(std::get<std::uint64_t>(verdict.figure("entries")->value), 12);
        EXPECT_EQ(verdict.checks().back().grade, Grade::kRecomputed);
        EXPECT_TRUE(verdict.notes().empty()) << "every entry says something";
      }
    }
  }
}

TEST(CheckPacket, RoundsWeightsToTheProductsDtypeAsAutocastDoes) {
  for (const Dtype dtype : {Dtype::kBF16, Dtype::kF16}) {
    for (const Dtype stored : {Dtype::kF32, Dtype::kF64}) {
      const Product product(dtype, true, stored);
      const Verdict verdict = check_packet(product.packet(), product.known);
      EXPECT_TRUE(verdict.ok()) << verdict.reason();
    }
  }
  // And weights of few bits are exact in a wider product.
  const Product wider(Dtype::kF32, true, Dtype::kBF16);
  EXPECT_TRUE(check_packet(wider.packet(), wider.known).ok());
}

TEST(CheckPacket, RejectsAnEntryThatRoundingDoesNotExplain) {
  for (const Dtype dtype : kDtypes) {
    const Product product(dtype, true, dtype);
    const double honest = computed(product.a, product.b, &product.bias, 7, 17, dtype);
    // A hundredth of what the entries are about, and the place of the entry in the report.
    const Verdict verdict = check_packet(with_entry(product.packet(), 6, honest + 0.5), product.known);
    expect_rejected(verdict, "product", "row 7, column 17 is ");
    EXPECT_EQ(verdict.item(), 6);
    // Of two that are as wrong, the first.
    const Packet two = with_entry(with_entry(product.packet(), 1, NAN), 9, NAN);
    EXPECT_EQ(check_packet(two, product.known).item(), 1);
  }
}

TEST(CheckPacket, RejectsEachPartThatIsNotTheProducts) {
  const Product product(Dtype::kF64, true, Dtype::kF64);
  const Packet honest = product.packet();
  // A row of A, another row, another column, another bias, the weight of another layer, no bias.
  Packet packet = honest;
  packet.payload[6] ^= 1;
  expect_rejected(check_packet(packet, product.known), "product", "row 0");
  packet = honest;
  packet.header.columns[2] = 18;
  expect_rejected(check_packet(packet, product.known), "product", "column 18");
  packet = honest;
  packet.header.bias.reset();
  expect_rejected(check_packet(packet, product.known), "product", "");

  Product other(Dtype::kF64, true, Dtype::kF64);
  const tensor::TensorView weight = tensor_of(random_matrix(30, 300, Dtype::kF64, 9), Dtype::kF64, "other");
  const tensor::TensorView bias = tensor_of(random_matrix(1, 30, Dtype::kF64, 8), Dtype::kF64, "other bias");
  other.known.add(weight);
  other.known.add(bias);
  packet = honest;
  packet.header.weight = digest_of(weight);
  expect_rejected(check_packet(packet, other.known), "product", "");
  packet = honest;
  packet.header.bias = digest_of(bias);
  expect_rejected(check_packet(packet, other.known), "product", "");
}

TEST(CheckPacket, RejectsAShapeThatTheWeightDoesNotHave) {
  const Product product(Dtype::kF32, true, Dtype::kF32, 30);
  // It is square, and of the other orientation the product is another one.
  Packet packet = product.packet();
  packet.header.transposed = false;
  expect_rejected(check_packet(packet, product.known), "product", "");
  packet = product.packet();
  packet.header.n = 31;
  expect_rejected(check_packet(packet, product.known), "shape", "(31, 30)");
  packet = product.packet();
  packet.header.bias = packet.header.weight;
  expect_rejected(check_packet(packet, product.known), "shape", "a bias of 30 values");
}

TEST(CheckPacket, SaysNothingOfAWeightThatItDoesNotHave) {
  const Product product(Dtype::kF32, true, Dtype::kF32);
  Packet packet = product.packet();
  (*packet.header.weight)[0] ^= 1;
  Verdict verdict = check_packet(packet, product.known);
  EXPECT_EQ(verdict.outcome(), Outcome::kInconclusive);
  EXPECT_EQ(verdict.step(), "weight");
  packet = product.packet();
  (*packet.header.bias)[0] ^= 1;
  verdict = check_packet(packet, product.known);
  EXPECT_EQ(verdict.outcome(), Outcome::kInconclusive);
  EXPECT_THAT(verdict.reason(), testing::HasSubstr("of the bias"));
}

TEST(CheckPacket, ColumnsInThePacketAreTheSendersWord) {
  Product product(Dtype::kBF16, false, Dtype::kBF16);
  product.header.weight.reset();
  const Verdict verdict = check_packet(product.packet(), {});
  ASSERT_TRUE(verdict.ok()) << verdict.reason();
  ASSERT_EQ(verdict.checks().size(), 1);
  EXPECT_EQ(verdict.checks()[0].grade, Grade::kSelfReported);
  expect_rejected(check_packet(with_entry(product.packet(), 0, 1000), {}), "product", "row 0, column 1");
}

/// Weights of 2^(bits - 1) - 1 steps on each side of zero in each column.
Matrix quantised(Matrix b, int bits) {
  const double most = std::ldexp(1, bits - 1) - 1;
  for (std::uint64_t j = 0; j < b.columns; ++j) {
    double largest = 0;
    for (std::uint64_t i = 0; i < b.rows; ++i) largest = std::max(largest, std::fabs(b.at(i, j)));
    for (std::uint64_t i = 0; i < b.rows; ++i) {
      double& value = b.values[i * b.columns + j];
      value = std::round(value / largest * most) / most * largest;
    }
  }
  return b;
}

TEST(CheckPacket, FindsQuantisedWeightsInAPacket) {
  for (const Dtype dtype : {Dtype::kF32, Dtype::kBF16}) {
    for (const int bits : {4, 8}) {
      Product product(dtype, false, dtype, 2000);
      const KnownWeights known = product.known;
      product.b = quantised(product.b, bits);
      expect_rejected(check_packet(product.packet(), known), "product", "");
    }
  }
}

TEST(CheckPacket, NonFiniteEntriesMustBeDue) {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  for (const Dtype dtype : kDtypes) {
    Product product(dtype, false, dtype);
    for (const double value : {kInf, -kInf, kNan})
      expect_rejected(check_packet(with_entry(product.packet(), 3, value), product.known), "product", "");
    // An infinite value makes all entries of its row infinite, of the sign of the weight, and NaN spreads.
    product.a.values[0] = kInf;
    product.a.values[7 * 300] = kNan;
    const Packet packet = product.packet();
    const Verdict verdict = check_packet(packet, product.known);
    EXPECT_TRUE(verdict.ok()) << verdict.reason();
    const Verdict finite = check_packet(with_entry(packet, 0, 1), product.known);
    expect_rejected(finite, "product", "row 0, column 1");
    EXPECT_LT(std::get<double>(finite.figure("largest difference")->value), 1)
        << "that to an infinite entry is none";
    expect_rejected(check_packet(with_entry(packet, 4, 1), product.known), "product", "row 7, column 1");
    const double other = product.b.at(0, 1) > 0 ? -kInf : kInf;
    expect_rejected(check_packet(with_entry(packet, 0, other), product.known), "product", "row 0, column 1");
  }
}

using internal::Exact;
using internal::Rounding;

TEST(EntryCheck, OverflowsWhereTheDtypeDoes) {
  const Rounding f16 = Rounding::of(Dtype::kF16);
  const std::vector<double> a{256, 256}, b{128, 128};  // 65536
  const Exact exact = internal::exact_entry(a, b, 0);
  const double bound = internal::bound_of(exact, 2, false, f16, RoundingBound::kWorstCase);
  constexpr double kInf = std::numeric_limits<double>::infinity();
  EXPECT_EQ(internal::share_of_bound(kInf, exact, bound, f16), 0);
  EXPECT_EQ(internal::share_of_bound(-kInf, exact, bound, f16), kInf);
  const Exact smaller = internal::exact_entry(a, std::vector<double>{128, 100}, 0);
  EXPECT_EQ(internal::share_of_bound(
                kInf, smaller, internal::bound_of(smaller, 2, false, f16, RoundingBound::kWorstCase), f16),
            kInf);
  // Sums of finite terms that may overflow say nothing.
  const Rounding f32 = Rounding::of(Dtype::kF32);
  const Exact huge = internal::exact_entry(std::vector<double>{3e38, -3e38}, std::vector<double>{1, 1}, 0);
  EXPECT_FALSE(internal::share_of_bound(
      0, huge, internal::bound_of(huge, 2, false, f32, RoundingBound::kProbabilistic), f32));
}

TEST(CheckPacket, AnEntryMayBeAsFarOffAsTheBound) {
  Packet packet{sample_header(), {}};
  packet.header.dtype = Dtype::kF64;
  packet.header.weight.reset();
  packet.header.bias.reset();
  packet.header.transposed = false;
  packet.header.m = packet.header.k = packet.header.n = 1;
  packet.header.rows = packet.header.columns = {0};
  // Of a number below 2, whose bound is two of its last places to the last bit.
  constexpr double kExact = 0x1.fffffffffffffp0;
  const auto share_of = [&](double entry) {
    packet.payload.clear();
    for (const double value : {kExact, 1.0, entry}) put_value(packet.payload, value, Dtype::kF64);
    const Verdict verdict = check_packet(packet, {});
    const double share = std::get<double>(verdict.figure("largest share of the bound")->value);
    EXPECT_EQ(verdict.ok(), share <= 1) << verdict.reason();
    return share;
  };
  EXPECT_EQ(share_of(kExact), 0);
  EXPECT_EQ(share_of(kExact - 0x1p-51), 1);
  EXPECT_GT(share_of(kExact - 0x1.8p-51), 1);
}

TEST(CheckPacket, SaysHowManyEntriesSayNothing) {
  Product product(Dtype::kF32, false, Dtype::kF32);
  for (std::uint64_t i = 0; i < product.header.k; ++i) product.a.values[i] = i % 2 == 0 ? 3e38 : -3e38;
  const Verdict verdict = check_packet(product.packet(), product.known);
  EXPECT_TRUE(verdict.ok()) << verdict.reason();
  EXPECT_EQ(std::get<std::uint64_t>(verdict.figure("entries")->value), 8);
  EXPECT_THAT(verdict.notes(), testing::ElementsAre("4 entries say nothing: their sums may overflow"));
}

TEST(EntryCheck, BoundsHoldAtTheirEnds) {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  const Rounding f32 = Rounding::of(Dtype::kF32);
  const Exact one{1, 1, 1, true};
  EXPECT_TRUE(std::isfinite(internal::bound_of(one, 1U << 23, false, f32, RoundingBound::kWorstCase)))
      << "half of what the terms are about";
  EXPECT_EQ(internal::bound_of(one, (1U << 23) + 1, false, f32, RoundingBound::kWorstCase), kInf);
  const double overflow = f32.sum_overflow;
  EXPECT_EQ(
      internal::bound_of({overflow, overflow, overflow, true}, 1, false, f32, RoundingBound::kWorstCase),
      kInf);
  const double below = std::nextafter(overflow, 0);
  EXPECT_TRUE(std::isfinite(
      internal::bound_of({below, below, below, true}, 1, false, f32, RoundingBound::kWorstCase)));
  const Rounding f16 = Rounding::of(Dtype::kF16);
  EXPECT_EQ(internal::share_of_bound(kInf, {65504, 65504, 65504, true}, 16, f16), 0);
  EXPECT_EQ(internal::share_of_bound(kInf, {65503, 65503, 65503, true}, 16, f16), kInf);
}

TEST(EntryCheck, ItsOwnSumsAreExact) {
  // 2^53 + 1 - 2^53: plain doubles lose the 1.
  const std::vector<double> a{0x1p53, 1, -0x1p53}, ones{1, 1, 1};
  EXPECT_EQ(internal::exact_entry(a, ones, 0).value, 1);
  EXPECT_EQ(internal::exact_entry(a, ones, 2).value, 3);
  EXPECT_DOUBLE_EQ(internal::exact_entry(a, ones, 2).magnitude, 0x1p54 + 3);
}

TEST(EntryCheck, TheWorstCaseOfAFewTermsIsTheBoundOfBoth) {
  const Rounding f32 = Rounding::of(Dtype::kF32);
  for (const std::size_t k : {1U, 10U, 99U}) {
    const std::vector<double> a(k, 0.1F), b(k, 0.3F);
    const Exact exact = internal::exact_entry(a, b, 0);
    EXPECT_EQ(internal::bound_of(exact, k, false, f32, RoundingBound::kProbabilistic),
              internal::bound_of(exact, k, false, f32, RoundingBound::kWorstCase));
  }
  const std::vector<double> a(10000, 0.1F), b(10000, 0.3F);
  const Exact exact = internal::exact_entry(a, b, 0);
  const double strict = internal::bound_of(exact, 10000, false, f32, RoundingBound::kProbabilistic);
  EXPECT_NEAR(strict / internal::bound_of(exact, 10000, false, f32, RoundingBound::kWorstCase), 0.1, 0.01);
  // K unit roundoffs of the sum of magnitudes, and one of the result.
  EXPECT_NEAR(internal::bound_of(exact, 10000, false, f32, RoundingBound::kWorstCase), 10001 * 0x1p-24 * 300,
              0.001 * 300);
}

TEST(Number, RoundsAsTheDtypesOfProductsDo) {
  // Every number of the dtype stays; between two neighbours the even one is taken.
  const internal::FloatFormat bf16 = internal::format_of(RowDtype::kBF16);
  for (std::uint32_t bits = 0; bits < 0x7f80; ++bits) {
    const double low = tensor::from_bf16(static_cast<std::uint16_t>(bits));
    const bool last = bits + 1 == 0x7f80;
    const double high = last ? 0x1p128 : tensor::from_bf16(static_cast<std::uint16_t>(bits + 1));
    ASSERT_EQ(internal::round_to(low, bf16), low);
    const double even = bits % 2 == 0 ? low : (last ? INFINITY : high);
    ASSERT_EQ(internal::round_to((low + high) / 2, bf16), even) << bits;
  }
  const internal::FloatFormat f16 = internal::format_of(RowDtype::kF16);
  for (std::uint32_t bits = 0; bits < 0x7c00; ++bits) {
    const double low = tensor::from_f16(static_cast<std::uint16_t>(bits));
    const bool last = bits + 1 == 0x7c00;
    const double high = last ? 65536 : tensor::from_f16(static_cast<std::uint16_t>(bits + 1));
    const double even = bits % 2 == 0 ? low : (last ? INFINITY : high);
    ASSERT_EQ(internal::round_to(low, f16), low) << bits;
    ASSERT_EQ(internal::round_to(-(low + high) / 2, f16), -even) << bits;
    ASSERT_EQ(internal::round_to(low + (high - low) * 0.25, f16), low) << bits;
  }
}

}  // namespace
}  // namespace assay::audit
