// SHA-256 of many messages, one thread, per kernel.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "base/sha256.h"

namespace {

constexpr std::size_t kMessages = 1024;

/// One message after the other. Argument: bytes of a message.
void one_by_one(benchmark::State& state, std::string_view kernel) {
  assay::force_sha256_kernel(kernel);
  const auto size = static_cast<std::size_t>(state.range(0));
  const assay::Bytes bytes(kMessages * size, 0x5a);
  std::vector<assay::Digest> digests(kMessages);
  for (auto _ : state) {
    for (std::size_t i = 0; i < kMessages; ++i)
      digests[i] = assay::sha256(assay::ByteSpan(bytes).subspan(i * size, size));
    benchmark::DoNotOptimize(digests.data());
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes.size()));
}

/// All at once, each behind a prefix of one byte. Argument: bytes of a message.
void many(benchmark::State& state, std::string_view kernel) {
  assay::force_sha256_kernel(kernel);
  const auto size = static_cast<std::size_t>(state.range(0));
  const assay::Bytes bytes(kMessages * size, 0x5a), prefix(1);
  std::vector<assay::Digest> digests(kMessages);
  for (auto _ : state) {
    assay::sha256_rows(prefix, bytes, size, digests);
    benchmark::DoNotOptimize(digests.data());
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes.size()));
}

/// As many messages as the argument says at once, of 64 bytes each.
void few(benchmark::State& state, std::string_view kernel) {
  assay::force_sha256_kernel(kernel);
  const auto count = static_cast<std::size_t>(state.range(0));
  const assay::Bytes bytes(count * 64, 0x5a), prefix(1);
  std::vector<assay::Digest> digests(count);
  for (auto _ : state) {
    assay::sha256_rows(prefix, bytes, 64, digests);
    benchmark::DoNotOptimize(digests.data());
    benchmark::ClobberMemory();
  }
}

[[maybe_unused]] const bool added = [] {
  for (const std::string_view kernel : assay::sha256_kernels()) {
    benchmark::RegisterBenchmark(("one_by_one/" + std::string(kernel)).c_str(), one_by_one, kernel)
        ->Arg(65)
        ->Arg(1024)
        ->Arg(4096);
    auto* const at_once = benchmark::RegisterBenchmark(("many/" + std::string(kernel)).c_str(), many, kernel);
    for (const int size : {64, 1024, 4096}) at_once->Arg(size);
    auto* const of_few = benchmark::RegisterBenchmark(("few/" + std::string(kernel)).c_str(), few, kernel);
    for (const int count : {1, 2, 3, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 28, 32}) of_few->Arg(count);
  }
  return true;
}();

}  // namespace
