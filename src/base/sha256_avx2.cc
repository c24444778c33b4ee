#if defined(__x86_64__)
#include <immintrin.h>

#include <algorithm>
#include <utility>

#include "base/sha256_kernels.h"
#include "base/sha256_padded.h"

#define ASSAY_TARGET_AVX2 gnu::target("avx2")
#define ASSAY_AVX2 [[gnu::always_inline, ASSAY_TARGET_AVX2]] inline

namespace assay::internal {
namespace {

constexpr std::size_t kLanes = 8;
using Vector = __m256i;  // a word of each string

ASSAY_AVX2 Vector add(Vector a, Vector b) { return _mm256_add_epi32(a, b); }
ASSAY_AVX2 Vector exclusive_or(Vector a, Vector b) { return _mm256_xor_si256(a, b); }

/// Turned to the right by `bits`.
template <int bits>
ASSAY_AVX2 Vector turned(Vector word) {
  return _mm256_or_si256(_mm256_srli_epi32(word, bits), _mm256_slli_epi32(word, 32 - bits));
}
template <int first, int second, int third>
ASSAY_AVX2 Vector turned_thrice(Vector word) {
  return exclusive_or(turned<first>(word), exclusive_or(turned<second>(word), turned<third>(word)));
}
template <int first, int second, int shift>
ASSAY_AVX2 Vector turned_twice(Vector word) {
  return exclusive_or(turned<first>(word),
                      exclusive_or(turned<second>(word), _mm256_srli_epi32(word, shift)));
}

/// The words a to h of the state take turns in the places of `v` (FIPS 180-4, sections 4.1.2 and 6.2.2).
template <std::size_t t>
ASSAY_AVX2 void round(Vector (&v)[8], Vector (&w)[16]) {
  if constexpr (t >= 16) {
    w[t % 16] = add(add(w[t % 16], w[(t - 7) % 16]),
                    add(turned_twice<7, 18, 3>(w[(t - 15) % 16]), turned_twice<17, 19, 10>(w[(t - 2) % 16])));
  }
  const Vector a = v[(64 - t) % 8], b = v[(65 - t) % 8], c = v[(66 - t) % 8];
  const Vector e = v[(68 - t) % 8], f = v[(69 - t) % 8], g = v[(70 - t) % 8];
  Vector& d = v[(67 - t) % 8];
  Vector& h = v[(71 - t) % 8];
  h = add(h, add(w[t % 16], _mm256_set1_epi32(static_cast<int>(kSha256Rounds[t]))));
  h = add(h, exclusive_or(g, _mm256_and_si256(e, exclusive_or(f, g))));  // e ? f : g
  h = add(h, turned_thrice<6, 11, 25>(e));
  d = add(d, h);
  const Vector two = _mm256_or_si256(_mm256_and_si256(a, b), _mm256_and_si256(c, _mm256_or_si256(a, b)));
  h = add(h, add(two, turned_thrice<2, 13, 22>(a)));
}

template <std::size_t... t>
ASSAY_AVX2 void rounds(Vector (&v)[8], Vector (&w)[16], std::index_sequence<t...>) {
  (round<t>(v, w), ...);
}

ASSAY_AVX2 Vector swap_bytes(Vector words) {
  return _mm256_shuffle_epi8(
      words, _mm256_broadcastsi128_si256(_mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL)));
}

/// Rows become columns.
ASSAY_AVX2 void transpose(Vector* rows) {
  Vector pairs[8];
#pragma GCC unroll 2
  for (int i = 0; i < 8; i += 4) {
    const Vector ab_low = _mm256_unpacklo_epi32(rows[i], rows[i + 1]);
    const Vector ab_high = _mm256_unpackhi_epi32(rows[i], rows[i + 1]);
    const Vector cd_low = _mm256_unpacklo_epi32(rows[i + 2], rows[i + 3]);
    const Vector cd_high = _mm256_unpackhi_epi32(rows[i + 2], rows[i + 3]);
    pairs[i] = _mm256_unpacklo_epi64(ab_low, cd_low);
    pairs[i + 1] = _mm256_unpackhi_epi64(ab_low, cd_low);
    pairs[i + 2] = _mm256_unpacklo_epi64(ab_high, cd_high);
    pairs[i + 3] = _mm256_unpackhi_epi64(ab_high, cd_high);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    rows[i] = _mm256_permute2x128_si256(pairs[i], pairs[i + 4], 0x20);
    rows[i + 4] = _mm256_permute2x128_si256(pairs[i], pairs[i + 4], 0x31);
  }
}

}  // namespace

[[ASSAY_TARGET_AVX2]] void sha256_lanes_avx2(ByteSpan prefix, const ByteSpan* messages,
                                             Digest* const* digests) {
  static constexpr std::uint8_t kEnded[kSha256Block] = {};  // what lanes read whose string has ended
  std::uint8_t copies[kLanes][kSha256Block];
  std::size_t blocks = 0;
  for (std::size_t i = 0; i < kLanes; ++i)
    blocks = std::max(blocks, Sha256Padded(prefix, messages[i]).blocks());
  Vector state[8];
#pragma GCC unroll 8
  for (std::size_t i = 0; i < 8; ++i) state[i] = _mm256_set1_epi32(static_cast<int>(kSha256Start[i]));

  for (std::size_t block = 0; block < blocks; ++block) {
    Vector w[16];
    alignas(32) std::uint32_t active[kLanes];
#pragma GCC unroll 8
    for (std::size_t i = 0; i < kLanes; ++i) {
      const Sha256Padded string(prefix, messages[i]);
      const bool has = block < string.blocks();
      active[i] = has ? ~0U : 0;
      const auto* const row = reinterpret_cast<const Vector*>(has ? string.block(block, copies[i]) : kEnded);
      w[i] = swap_bytes(_mm256_loadu_si256(row));
      w[i + 8] = swap_bytes(_mm256_loadu_si256(row + 1));
    }
    transpose(w);
    transpose(w + 8);
    Vector v[8];
#pragma GCC unroll 8
    for (int i = 0; i < 8; ++i) v[i] = state[i];
    rounds(v, w, std::make_index_sequence<64>());
    const Vector mask = _mm256_load_si256(reinterpret_cast<const Vector*>(active));
#pragma GCC unroll 8
    for (int i = 0; i < 8; ++i) state[i] = add(state[i], _mm256_and_si256(v[i], mask));
  }

  transpose(state);
#pragma GCC unroll 8
  for (std::size_t i = 0; i < kLanes; ++i)
    _mm256_storeu_si256(reinterpret_cast<Vector*>(digests[i]->data()), swap_bytes(state[i]));
}

}  // namespace assay::internal
#endif
