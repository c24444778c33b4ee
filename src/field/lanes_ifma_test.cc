// The eight lanes against the portable backend, on edge values and at the ends of their bounds.
#include "field/lanes_ifma.h"

#include <gtest/gtest.h>

#if defined(ASSAY_HAS_IFMA)
#include <random>
#include <vector>

#include "assay/field.h"
#include "field/backend_portable.h"
#include "field/element.h"
#include "field/limbs_for_test.h"

namespace assay::field::ifma {
namespace {

bool runs_here() {
  const auto kernels = available_kernels();
  return std::find(kernels.begin(), kernels.end(), "ifma") != kernels.end();
}

template <class P>
class Lanes : public ::testing::Test {
 public:
  using E = Element<P, PortableBackend>;

  void SetUp() override {
    if (!runs_here()) GTEST_SKIP() << "no AVX-512 IFMA";
  }

  /// Limbs of value + multiple * m; below 2^256.
  static Limbs lifted(Limbs value, unsigned multiple) {
    for (unsigned i = 0; i < multiple; ++i) {
      std::uint64_t carry = 0;
      for (std::size_t j = 0; j < 4; ++j) {
        const unsigned __int128 sum = static_cast<unsigned __int128>(value[j]) + P::kModulus[j] + carry;
        value[j] = static_cast<std::uint64_t>(sum);
        carry = static_cast<std::uint64_t>(sum >> 64);
      }
    }
    return value;
  }

  static E residue(const Limbs& value) {
    // Any 256 bits: R^2 value / R, then out of Montgomery form, is the value's residue in Montgomery form.
    return E::from_integer(value);
  }

  /// 0, 1, m - 1, limbs of all ones, powers of two at limb borders, random values; each also with m added.
  static std::vector<Limbs> samples() {
    std::vector<Limbs> out = {{0, 0, 0, 0}, {1, 0, 0, 0}, minus_small(P::kModulus, 1), P::kHalf};
    for (const unsigned bit : {51U, 52U, 63U, 64U, 103U, 104U, 128U, 156U, 207U, 208U, 252U}) {
      Limbs power{};
      power[bit / 64] = std::uint64_t{1} << (bit % 64);
      out.push_back(power);
      out.push_back(minus_small(power, power[0] != 0 ? 1 : 0));
    }
    out.push_back({~0ULL, ~0ULL, ~0ULL, 0x0fffffffffffffffULL});
    std::mt19937_64 rng(11);
    for (int i = 0; i < 40; ++i) out.push_back({rng(), rng(), rng(), rng() >> 4});
    const std::size_t plain = out.size();
    for (std::size_t i = 0; i < plain; ++i) out.push_back(lifted(out[i], 1));
    while (out.size() % kLanes != 0) out.push_back({7, 0, 0, 0});
    return out;
  }
};

using Fields = ::testing::Types<FpParameters, FrParameters>;
TYPED_TEST_SUITE(Lanes, Fields);

ASSAY_TARGET_IFMA_BEGIN

template <class P, int kBound>
Tight<P, kBound> pack(const Limbs* values) {
  alignas(64) std::array<std::array<std::uint64_t, kLanes>, 4> columns;
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    for (std::size_t i = 0; i < 4; ++i) columns[i][lane] = values[lane][i];
  }
  __m512i words[4];
  for (std::size_t i = 0; i < 4; ++i) words[i] = _mm512_load_si512(columns[i].data());
  return from_words<P, kBound>(words);
}

template <class P, int kBound>
std::vector<Limbs> unpack(const Tight<P, kBound>& value) {
  __m512i words[4];
  to_words(value, words);
  std::vector<Limbs> out(kLanes);
  for (std::size_t i = 0; i < 4; ++i) {
    alignas(64) std::array<std::uint64_t, kLanes> column;
    _mm512_store_si512(column.data(), words[i]);
    for (std::size_t lane = 0; lane < kLanes; ++lane) out[lane][i] = column[lane];
  }
  return out;
}

struct Results {
  std::vector<Limbs> product, square, difference, reduced, scaled;
};

/// Of vectors below 37/16 m.
template <class P>
Results compute(const Limbs* a, const Limbs* b) {
  const auto x = pack<P, kReduced>(a);
  const auto y = pack<P, kReduced>(b);
  return {unpack((x * y).carried()), unpack(squared(x).carried()), unpack((x - y).reduced()),
          unpack((x + x - y).reduced()), unpack((x * y).times_four().reduced())};
}

std::vector<std::vector<std::uint64_t>> transposed(const std::vector<std::vector<std::uint64_t>>& rows) {
  __m512i r[8];
  for (std::size_t i = 0; i < 8; ++i) r[i] = _mm512_loadu_si512(rows[i].data());
  transpose(r);
  std::vector<std::vector<std::uint64_t>> out(8, std::vector<std::uint64_t>(8));
  for (std::size_t i = 0; i < 8; ++i) _mm512_storeu_si512(out[i].data(), r[i]);
  return out;
}

ASSAY_TARGET_IFMA_END

TYPED_TEST(Lanes, AgreeWithThePortableBackend) {
  using P = TypeParam;
  const std::vector<Limbs> values = this->samples();
  // 1 / 2^260 and 4 / 2^260 as factors.
  const auto by_r = TestFixture::E::from_u64(2).inverse() * TestFixture::E::one();
  auto scale = TestFixture::E::one();
  for (int i = 0; i < 260; ++i) scale *= by_r;
  for (std::size_t shift = 0; shift < values.size(); shift += 5) {
    for (std::size_t first = 0; first < values.size(); first += kLanes) {
      std::vector<Limbs> a(values.begin() + static_cast<std::ptrdiff_t>(first),
                           values.begin() + static_cast<std::ptrdiff_t>(first + kLanes));
      std::vector<Limbs> b(kLanes);
      for (std::size_t i = 0; i < kLanes; ++i) b[i] = values[(first + i + shift) % values.size()];
      const Results got = compute<P>(a.data(), b.data());
      for (std::size_t i = 0; i < kLanes; ++i) {
        const auto x = this->residue(a[i]), y = this->residue(b[i]);
        EXPECT_EQ(this->residue(got.product[i]), x * y * scale);
        EXPECT_EQ(this->residue(got.square[i]), x * x * scale);
        EXPECT_EQ(this->residue(got.difference[i]), x - y);
        EXPECT_EQ(this->residue(got.reduced[i]), x + x - y);
        EXPECT_EQ(this->residue(got.scaled[i]), x * y * scale * TestFixture::E::from_u64(4));
      }
    }
  }
}

TEST(LanesLayout, TransposeIsATranspose) {
  if (!runs_here()) GTEST_SKIP() << "no AVX-512 IFMA";
  std::vector<std::vector<std::uint64_t>> rows(8, std::vector<std::uint64_t>(8));
  for (std::size_t i = 0; i < 8; ++i) {
    for (std::size_t j = 0; j < 8; ++j) rows[i][j] = 10 * i + j;
  }
  const auto columns = transposed(rows);
  for (std::size_t i = 0; i < 8; ++i) {
    for (std::size_t j = 0; j < 8; ++j) EXPECT_EQ(columns[j][i], rows[i][j]);
  }
}

// The table of reduced() at compile time: under every multiple taken away, the value stays in [0, 37/16 m).
template <class P>
constexpr bool table_holds() {
  for (int unit = 0; unit < kLanes; ++unit) {
    // In units of m / 2^20: 2^254 / m = 1.3227..
    const double size = 0x1p62 / static_cast<double>(P::kModulus[3]);
    const double below = unit * size - multiple_below<P>(unit);
    const double above = (unit + 1) * size - multiple_below<P>(unit);
    if (below < 0 || (unit > 0 && below < 0.01) || above >= kReduced / 16.0 - 0.01) return false;
  }
  return true;
}
static_assert(table_holds<FpParameters>() && table_holds<FrParameters>());

}  // namespace
}  // namespace assay::field::ifma
#endif
