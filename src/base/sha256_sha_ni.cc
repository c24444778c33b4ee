#include "base/check.h"
#include "base/cpu.h"
#include "base/sha256_kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

namespace assay::internal {

// The instructions keep the state as the words (a, b, e, f) and (c, d, g, h), highest lane first, and do two
// rounds each (Intel SHA Extensions, July 2013). The schedule of the next words runs four words at a time
// beside the rounds.
__attribute__((target("sha,sse4.1,ssse3"))) void sha256_compress_sha_ni(std::uint32_t* state,
                                                                        const std::uint8_t* blocks,
                                                                        std::size_t count) {
  const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL);
  auto* const lanes = reinterpret_cast<__m128i*>(state);
  const __m128i cdab = _mm_shuffle_epi32(_mm_loadu_si128(lanes), 0xb1);
  const __m128i efgh = _mm_shuffle_epi32(_mm_loadu_si128(lanes + 1), 0x1b);
  __m128i abef = _mm_alignr_epi8(cdab, efgh, 8);
  __m128i cdgh = _mm_blend_epi16(efgh, cdab, 0xf0);

  for (; count > 0; --count, blocks += 64) {
    const __m128i abef_before = abef;
    const __m128i cdgh_before = cdgh;
    __m128i words[4];
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
      words[i] = _mm_shuffle_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(blocks) + i), big_endian);
    }
#pragma GCC unroll 16
    for (int group = 0; group < 16; ++group) {
      const __m128i current = words[group % 4];
      const __m128i constants = _mm_load_si128(reinterpret_cast<const __m128i*>(kSha256Rounds) + group);
      const __m128i sum = _mm_add_epi32(current, constants);
      cdgh = _mm_sha256rnds2_epu32(cdgh, abef, sum);
      abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(sum, 0x0e));
      // words[group % 4] becomes the four words 16 further on: w[t-16] + s0(w[t-15]) + w[t-7] + s1(w[t-2]).
      const __m128i next = words[(group + 1) % 4];
      const __m128i last = words[(group + 3) % 4];
      const __m128i seven_back = _mm_alignr_epi8(last, words[(group + 2) % 4], 4);
      words[group % 4] =
          _mm_sha256msg2_epu32(_mm_add_epi32(_mm_sha256msg1_epu32(current, next), seven_back), last);
    }
    abef = _mm_add_epi32(abef, abef_before);
    cdgh = _mm_add_epi32(cdgh, cdgh_before);
  }

  const __m128i feba = _mm_shuffle_epi32(abef, 0x1b);
  const __m128i dchg = _mm_shuffle_epi32(cdgh, 0xb1);
  _mm_storeu_si128(lanes, _mm_blend_epi16(feba, dchg, 0xf0));
  _mm_storeu_si128(lanes + 1, _mm_alignr_epi8(dchg, feba, 8));
}

}  // namespace assay::internal

#else

namespace assay::internal {

void sha256_compress_sha_ni(std::uint32_t*, const std::uint8_t*, std::size_t) {
  ASSAY_CHECK(cpu_features().sha);
}

}  // namespace assay::internal

#endif
