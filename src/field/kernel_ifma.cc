#include "field/lanes_ifma.h"

#if defined(ASSAY_HAS_IFMA)
#include <algorithm>
#include <vector>

#include "field/backend_adx.h"
#include "field/vector_ops.h"

namespace assay::field {
namespace {

using namespace ifma;  // NOLINT(google-build-using-namespace): what this file is written in
using P = FrParameters;
constexpr int kCanonical = 16;

ASSAY_TARGET_IFMA_BEGIN

/// Eight elements that lie one after the other. The lanes hold them as 0, 4, 1, 5, 2, 6, 3, 7.
ASSAY_INLINE Tight<P, kCanonical> load(const Fr* in) {
  __m512i two[4];
  ASSAY_UNROLL for (int i = 0; i < 4; ++i) two[i] = _mm512_loadu_si512(in + 2 * i);
  const __m512i low_a = _mm512_shuffle_i64x2(two[0], two[1], 0x88),
                high_a = _mm512_shuffle_i64x2(two[0], two[1], 0xdd);
  const __m512i low_b = _mm512_shuffle_i64x2(two[2], two[3], 0x88),
                high_b = _mm512_shuffle_i64x2(two[2], two[3], 0xdd);
  const __m512i words[4] = {_mm512_unpacklo_epi64(low_a, low_b), _mm512_unpackhi_epi64(low_a, low_b),
                            _mm512_unpacklo_epi64(high_a, high_b), _mm512_unpackhi_epi64(high_a, high_b)};
  return from_words<P, kCanonical>(words);
}

/// The inverse of load().
ASSAY_INLINE void store(const Tight<P, kCanonical>& value, Fr* out) {
  __m512i words[4];
  to_words(value, words);
  const __m512i low_a = _mm512_unpacklo_epi64(words[0], words[1]),
                low_b = _mm512_unpackhi_epi64(words[0], words[1]);
  const __m512i high_a = _mm512_unpacklo_epi64(words[2], words[3]),
                high_b = _mm512_unpackhi_epi64(words[2], words[3]);
  const __m512i first = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11),
                second = _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15);
  _mm512_storeu_si512(out, _mm512_permutex2var_epi64(low_a, first, high_a));
  _mm512_storeu_si512(out + 2, _mm512_permutex2var_epi64(low_a, second, high_a));
  _mm512_storeu_si512(out + 4, _mm512_permutex2var_epi64(low_b, first, high_b));
  _mm512_storeu_si512(out + 6, _mm512_permutex2var_epi64(low_b, second, high_b));
}

/// One row of the product for eight columns: products are summed before they are divided.
ASSAY_INLINE void multiply_row(std::span<const Tight<P, kCanonical>> in, const Limbs* factors, Fr* out) {
  Tight<P, kReduced> sum = broadcast<P, kReduced>({});
  for (std::size_t first = 0; first < in.size(); first += Columns<P>::kMaxProducts) {
    const std::size_t last = std::min(in.size(), first + Columns<P>::kMaxProducts);
    Columns<P> columns;
    for (std::size_t j = first; j < last; ++j)
      columns.add_product(in[j], broadcast<P, kCanonical>(factors[j]));
    sum = (columns.template over_r<256 * Columns<P>::kMaxProducts>() + sum).reduced();
  }
  store(canonical(sum), out);
}

void multiply_columns(const std::vector<Limbs>& factors, const MatrixShape& shape, const Fr* in,
                      std::size_t stride, Fr* out, std::size_t out_stride,
                      std::vector<Tight<P, kCanonical>>& rows) {
  for (std::size_t j = 0; j < shape.size; ++j) rows[j] = load(in + j * stride);
  for (std::size_t a = 0; a < shape.size; ++a)
    multiply_row(rows, factors.data() + a * shape.size, out + a * out_stride);
}

void multiply_matrix(std::span<const Fr> matrix, std::span<const Fr> in, std::span<Fr> out) {
  const MatrixShape shape(matrix, in, out);
  // A product here is divided by 2^260 where the storage form wants 2^256: the matrix makes up for it.
  using E = Element<P, AdxBackend>;
  const E sixteen = E::from_u64(16);
  std::vector<Limbs> factors(matrix.size());
  for (std::size_t i = 0; i < matrix.size(); ++i) factors[i] = (E(matrix[i].limbs) * sixteen).limbs();

  std::vector<Tight<P, kCanonical>> rows(shape.size);
  std::size_t k = 0;
  for (; k + kLanes <= shape.columns; k += kLanes) {
    multiply_columns(factors, shape, in.data() + k, shape.columns, out.data() + k, shape.columns, rows);
  }
  if (k == shape.columns) return;
  // The last columns, padded to eight.
  const std::size_t left = shape.columns - k;
  std::vector<Fr> some_in(shape.size * kLanes), some_out(shape.size * kLanes);
  for (std::size_t j = 0; j < shape.size; ++j)
    std::copy_n(in.data() + j * shape.columns + k, left, some_in.data() + j * kLanes);
  multiply_columns(factors, shape, some_in.data(), kLanes, some_out.data(), kLanes, rows);
  for (std::size_t a = 0; a < shape.size; ++a)
    std::copy_n(some_out.data() + a * kLanes, left, out.data() + a * shape.columns + k);
}

ASSAY_TARGET_IFMA_END

}  // namespace

constinit const FieldKernel kIfmaFieldKernel = [] {
  FieldKernel table = VectorOps<AdxBackend>::kTable;
  table.multiply_matrix = multiply_matrix;
  return table;
}();

}  // namespace assay::field
#endif
