// Checks of proofs with eight axes, from their bytes to the verdict: one alone, and a thousand at once.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <random>
#include <vector>

#include "assay/pst.h"
#include "base/check.h"

namespace {

namespace curve = assay::curve;
namespace pst = assay::pst;
using assay::Bytes;
using assay::Fr;
using assay::G1Affine;

constexpr std::size_t kAxes = 8;

/// Proofs of distinct entries of one tensor of 4^8 16-bit values.
struct Proofs {
  pst::Verifier verifier;
  std::vector<pst::Statement> statements;  // without points of G1
  Bytes bytes;                             // commitment and quotients of each

  static Proofs make(std::size_t count) {
    const std::vector<std::uint64_t> sizes(kAxes, 4);
    const pst::Srs srs = pst::Srs::dev(assay::Axes::from(sizes, "bench").value(), 1).value();
    std::mt19937_64 rng(1);
    std::vector<std::int16_t> values(srs.axes().volume());
    for (auto& v : values) v = static_cast<std::int16_t>(rng());
    std::vector<std::vector<std::uint32_t>> places(count);
    for (std::size_t k = 0; k < count; ++k)
      for (std::size_t i = 0; i < kAxes; ++i)
        places[k].push_back(static_cast<std::uint32_t>((k * 0x9e37 + rng() % 4 + (k >> (2 * i))) % 4));
    const G1Affine commitment = pst::commit(srs, values).value();
    const auto openings = pst::open_all(srs, values, places).value();
    Proofs out{pst::Verifier(srs.verifier_key()), {}, {}};
    const auto append = [&](const G1Affine& point) {
      const auto encoded = curve::encode(point);
      out.bytes.insert(out.bytes.end(), encoded.begin(), encoded.end());
    };
    for (std::size_t k = 0; k < count; ++k) {
      pst::Statement statement;
      for (const std::uint32_t z : places[k]) statement.point.push_back(Fr::from_u64(z));
      statement.opening.value = openings[k].value;
      out.statements.push_back(statement);
      append(commitment);
      for (const G1Affine& quotient : openings[k].quotients) append(quotient);
    }
    return out;
  }

  [[nodiscard]] std::vector<pst::Statement> decoded() const {
    std::vector<G1Affine> points(statements.size() * (kAxes + 1));
    ASSAY_CHECK_EQ(curve::decode_all_g1(bytes, points), points.size());
    std::vector<pst::Statement> out = statements;
    for (std::size_t k = 0; k < out.size(); ++k) {
      const G1Affine* first = &points[k * (kAxes + 1)];
      out[k].commitment = *first;
      out[k].opening.quotients.assign(first + 1, first + 1 + kAxes);
    }
    return out;
  }
};

/// Arguments: proofs, threads.
void verify_from_bytes(benchmark::State& state) {
  const auto count = static_cast<std::size_t>(state.range(0));
  const Proofs proofs = Proofs::make(count);
  assay::set_thread_limit(static_cast<unsigned>(state.range(1)));
  for (auto _ : state) {
    const auto statements = proofs.decoded();
    const assay::Verdict verdict =
        count == 1 ? proofs.verifier.check(statements[0]) : proofs.verifier.check_all(statements);
    ASSAY_CHECK(verdict.ok(), verdict.reason());
  }
  assay::set_thread_limit(0);
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(count));
}
BENCHMARK(verify_from_bytes)
    ->Args({1, 1})
    ->Args({1000, 1})
    ->Args({1000, 2})
    ->Unit(benchmark::kMicrosecond)
    ->UseRealTime()
    ->MeasureProcessCPUTime();

}  // namespace
