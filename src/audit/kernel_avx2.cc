#if defined(__x86_64__)
#include "audit/kernel_lanes.h"

namespace assay::audit::internal {
namespace {

[[gnu::target("avx2")]] bool read_bf16(const std::uint8_t* bytes, std::size_t count, double* out) {
  return read_bf16_lanes(bytes, count, out);
}

[[gnu::target("avx2")]] bool read_f32(const std::uint8_t* bytes, std::size_t count, double* out) {
  return read_f32_lanes(bytes, count, out);
}

[[gnu::target("avx2")]] double dot(const double* a, const double* b, std::size_t count) {
  return dot_lanes(a, b, count);
}

[[gnu::target("avx2")]] Terms terms(const double* a, const double* b, std::size_t count) {
  return terms_lanes(a, b, count);
}

[[gnu::target("avx2")]] Spread variances(const double* row, const float* scales, std::size_t count,
                                         int fraction_bits, int least_exponent, double summing, double* out) {
  return variances_lanes(row, scales, count, fraction_bits, least_exponent, summing, out);
}

[[gnu::target("avx2")]] Projection project(const double* row, const double* variances, const double* r,
                                           std::size_t count) {
  return project_lanes(row, variances, r, count);
}

}  // namespace

const Kernel kAvx2Kernel{"avx2", read_bf16, read_f32, dot, terms, variances, project};

}  // namespace assay::audit::internal
#endif
