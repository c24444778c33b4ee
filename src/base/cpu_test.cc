#include "base/cpu.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

namespace assay {
namespace {

/// Every bit but one.
constexpr std::uint32_t without(unsigned bit) { return ~(1U << bit); }

constexpr internal::CpuRegisters kEverything{~0U, ~0U, ~0U};

constexpr CpuFeatures kAll{.sha = true, .avx2 = true, .fma = true, .adx = true, .avx512 = true, .ifma = true};

/// All features but those that `clear` clears.
template <class Clear>
CpuFeatures all_but(const Clear& clear) {
  CpuFeatures features = kAll;
  clear(features);
  return features;
}

const CpuFeatures kWithoutAvx512 =
    all_but([](CpuFeatures& features) { features.avx512 = features.ifma = false; });
const CpuFeatures kWithoutAvx = all_but(
    [](CpuFeatures& features) { features.avx2 = features.fma = features.avx512 = features.ifma = false; });

TEST(CpuFeatures, NeedEachOfTheirExtensions) {
  EXPECT_EQ(internal::features_of(kEverything), kAll);
  EXPECT_EQ(internal::features_of({}), CpuFeatures{});
  for (const unsigned bit : {9U, 19U})  // SSSE3, SSE4.1
    EXPECT_EQ(internal::features_of({without(bit), ~0U, ~0U}), all_but([](auto& f) { f.sha = false; }))
        << bit;
  EXPECT_EQ(internal::features_of({without(28), ~0U, ~0U}),
            all_but([](auto& f) { f.avx2 = f.fma = false; }));                                         // AVX
  EXPECT_EQ(internal::features_of({~0U, without(29), ~0U}), all_but([](auto& f) { f.sha = false; }));  // SHA
  EXPECT_EQ(internal::features_of({~0U, without(5), ~0U}),
            all_but([](auto& f) { f.avx2 = f.fma = false; }));                                         // AVX2
  EXPECT_EQ(internal::features_of({without(12), ~0U, ~0U}), all_but([](auto& f) { f.fma = false; }));  // FMA
  for (const unsigned bit : {8U, 19U})  // BMI2, ADX
    EXPECT_EQ(internal::features_of({~0U, without(bit), ~0U}), all_but([](auto& f) { f.adx = false; }))
        << bit;
  EXPECT_EQ(internal::features_of({~0U, without(21), ~0U}),
            all_but([](auto& f) { f.ifma = false; }));  // IFMA
  for (const unsigned bit : {16U, 17U, 30U, 31U})       // AVX-512 F, DQ, BW, VL
    EXPECT_EQ(internal::features_of({~0U, without(bit), ~0U}), kWithoutAvx512) << bit;
}

TEST(CpuFeatures, NeedASystemThatSavesTheRegisters) {
  EXPECT_EQ(internal::features_of({~0U, ~0U, 0}), kWithoutAvx);
  for (const unsigned bit : {1U, 2U}) EXPECT_EQ(internal::features_of({~0U, ~0U, without(bit)}), kWithoutAvx);
  for (const unsigned bit : {5U, 6U, 7U})
    EXPECT_EQ(internal::features_of({~0U, ~0U, without(bit)}), kWithoutAvx512);
}

TEST(CpuFeatures, AreThoseThatTheCompilerFinds) {
#if defined(__x86_64__)
  EXPECT_EQ(cpu_features().avx2, __builtin_cpu_supports("avx2") != 0);
  EXPECT_EQ(cpu_features().fma, cpu_features().avx2 && __builtin_cpu_supports("fma") != 0);
  EXPECT_EQ(cpu_features().avx512,
            __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512dq") != 0 &&
                __builtin_cpu_supports("avx512bw") != 0 && __builtin_cpu_supports("avx512vl") != 0);
  EXPECT_EQ(cpu_features().ifma, cpu_features().avx512 && __builtin_cpu_supports("avx512ifma") != 0);
  EXPECT_TRUE(!cpu_features().adx || __builtin_cpu_supports("bmi2") != 0);
#else
  EXPECT_EQ(cpu_features(), CpuFeatures{});
#endif
}

TEST(Kernels, RunWhereTheirFeaturesAre) {
  using enum KernelId;
  EXPECT_EQ(kernels_for({}), std::vector{kPortable});
  EXPECT_EQ(kernels_for({.sha = true, .avx2 = true}), std::vector{kPortable});
  EXPECT_EQ(kernels_for({.adx = true}), (std::vector{kPortable, kAdx}));
  // The scalar parts of ifma are those of adx.
  EXPECT_EQ(kernels_for({.avx512 = true, .ifma = true}), std::vector{kPortable});
  EXPECT_EQ(kernels_for({.adx = true, .avx512 = true, .ifma = true}), (std::vector{kPortable, kAdx, kIfma}));
}

TEST(Kernels, AreFoundByName) {
  for (const KernelId id : kernels_for(kAll)) EXPECT_EQ(find_kernel(to_string(id), kAll).value(), id);
  EXPECT_EQ(find_kernel("portable", {}).value(), KernelId::kPortable);

  const Error lacking = find_kernel("ifma", {.adx = true}).error();
  EXPECT_EQ(lacking.code, ErrorCode::kUnsupported);
  EXPECT_EQ(lacking.to_string(), "kernel: 'ifma' does not run on this processor; available: portable, adx");
  const Error unknown = find_kernel("abacus", {}).error();
  EXPECT_EQ(unknown.code, ErrorCode::kUnsupported);
  EXPECT_EQ(unknown.to_string(), "kernel: 'abacus' is the name of no kernel; available: portable");
  for (const char* name : {"", "Portable", "portable ", "adx,ifma"})
    EXPECT_FALSE(find_kernel(name, kAll).ok());
}

/// Sets ASSAY_KERNEL, and puts back what it was.
class Environment : public testing::Test {
 protected:
  void SetUp() override {
    if (const char* value = std::getenv("ASSAY_KERNEL")) before_ = value;
  }
  void TearDown() override {
    ::unsetenv("ASSAY_KERNEL");
    if (before_) ::setenv("ASSAY_KERNEL", before_->c_str(), 1);
  }

 private:
  std::optional<std::string> before_;
};

TEST_F(Environment, NamesAKernelOrNone) {
  ::unsetenv("ASSAY_KERNEL");
  EXPECT_EQ(kernel_of_environment().value(), std::nullopt);
  EXPECT_FALSE(environment_asks_for_portable());
  ::setenv("ASSAY_KERNEL", "", 1);
  EXPECT_EQ(kernel_of_environment().value(), std::nullopt);
  EXPECT_FALSE(environment_asks_for_portable());
  for (const KernelId id : kernels_for(cpu_features())) {
    ::setenv("ASSAY_KERNEL", std::string(to_string(id)).c_str(), 1);
    EXPECT_EQ(kernel_of_environment().value(), id);
    EXPECT_EQ(environment_asks_for_portable(), id == KernelId::kPortable);
  }
}

TEST_F(Environment, IsRefusedByName) {
  ::setenv("ASSAY_KERNEL", "abacus", 1);
  EXPECT_EQ(kernel_of_environment().error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(
      kernel_of_environment().error().to_string().find("ASSAY_KERNEL: 'abacus' is the name of no kernel"),
      0U);
  EXPECT_FALSE(environment_asks_for_portable());
}

}  // namespace
}  // namespace assay
