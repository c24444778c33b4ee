// Locality-sensitive activation proofs, their comparison, and fingerprints.
#include "toploc.h"

#include <string>

#include "assay/toploc_comparison.h"
#include "assay/toploc_fingerprint.h"

namespace assay::python {
namespace {

using toploc::Comparison;
using toploc::Fingerprint;
using toploc::Parameters;
using toploc::Profile;
using toploc::Statistics;

using NewWords = nb::ndarray<nb::numpy, std::uint32_t, nb::ndim<1>>;
using BitRows = nb::ndarray<const std::uint16_t, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using FloatRows = nb::ndarray<const float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using NewFloatRows = nb::ndarray<nb::numpy, float, nb::ndim<2>>;
using StateRows = std::variant<BitRows, FloatRows>;

NewWords words_of(std::vector<std::uint32_t> values) {
  const std::size_t size = values.size();
  return to_array<NewWords>(std::move(values), {size});
}

std::vector<Comparison> compare_chunks(const std::vector<nb::bytes>& proofs, const Bits& bits,
                                       const Lengths& lengths, const Lengths& rows, std::uint32_t k,
                                       bool lower_index_first) {
  const std::vector<Bytes> given = to_bytes(proofs);
  if (given.size() != lengths.size())
    throw Failure{
        {ErrorCode::kMismatch, "proofs",
         std::to_string(given.size()) + " proofs for " + std::to_string(lengths.size()) + " chunks"}};
  if (rows.size() != lengths.size())
    throw Failure{{ErrorCode::kMismatch, "rows", "not of as many chunks as lengths"}};
  return without_gil([&] {
    std::vector<toploc::Proof> decoded;
    for (std::size_t i = 0; i < given.size(); ++i)
      decoded.push_back(unwrap_read(toploc::Proof::decode(given[i], k, "proof " + std::to_string(i))));
    std::vector<Comparison> found =
        unwrap(toploc::compare_all(decoded, span_of_array(bits), lengths, k, rule_of(lower_index_first)));
    for (std::size_t i = 0; i < found.size(); ++i) found[i].rows = rows[i];
    return found;
  });
}

/// A width beyond 32 bits is beyond what is taken anyway.
template <class Rows>
std::uint32_t width_of(const Rows& rows) {
  return static_cast<std::uint32_t>(std::min<std::size_t>(rows.shape(1), UINT32_MAX));
}

Result<Fingerprint> project(const StateRows& states, const Digest& seed, std::uint32_t dimensions) {
  return std::visit(
      [&](const auto& rows) {
        return Fingerprint::project(span_of_array(rows), width_of(rows), seed, dimensions);
      },
      states);
}

toploc::OwnStates own_states(const StateRows& states) {
  return std::visit(
      [](const auto& rows) -> toploc::OwnStates {
        return {span_of_array(rows), width_of(rows)};
      },
      states);
}

NewFloatRows to_rows(Fingerprint fingerprint) {
  const std::size_t rows = fingerprint.rows();
  const std::size_t dimensions = fingerprint.dimensions;
  return to_array<NewFloatRows>(std::move(fingerprint.values), {rows, dimensions});
}

Fingerprint to_fingerprint(const FloatRows& values, std::uint32_t hidden, const Digest& seed) {
  const auto dimensions = static_cast<std::uint32_t>(std::min<std::size_t>(values.shape(1), UINT32_MAX));
  const auto span = span_of_array(values);
  return {seed, hidden, dimensions, {span.begin(), span.end()}};
}

void bind_proofs(nb::module_& m) {
  m.attr("toploc_max_topk") = toploc::kMaxTopK;
  m.attr("toploc_largest_judged_topk") = toploc::largest_judged_topk();
  m.attr("toploc_points_of_row") = Statistics::kPointsOfRow;
  m.def(
      "toploc_select",
      [](const Bits& bits, std::uint32_t k, bool lower_index_first) {
        return words_of(unwrap(
            without_gil([&] { return toploc::select(span_of_array(bits), k, rule_of(lower_index_first)); })));
      },
      nb::arg("bits").noconvert(), nb::arg("k"), nb::arg("lower_index_first"));
  m.def(
      "toploc_modulus",
      [](const Words& indices) {
        return unwrap(without_gil([&] { return toploc::injective_modulus(span_of_array(indices)); }));
      },
      nb::arg("indices").noconvert());
  m.def(
      "toploc_interpolate",
      [](const Words& x, const Words& y) {
        return words_of(
            unwrap(without_gil([&] { return toploc::interpolate(span_of_array(x), span_of_array(y)); })));
      },
      nb::arg("x").noconvert(), nb::arg("y").noconvert());
  m.def(
      "toploc_evaluate",
      [](const Words& coefficients, const Words& x) {
        return words_of(unwrap(
            without_gil([&] { return toploc::evaluate(span_of_array(coefficients), span_of_array(x)); })));
      },
      nb::arg("coefficients").noconvert(), nb::arg("x").noconvert());
  m.def(
      "toploc_prove",
      [](const Words& indices, const Bits& values) {
        return to_python(unwrap(without_gil([&] {
                           return toploc::prove(span_of_array(indices), span_of_array(values));
                         })).encode());
      },
      nb::arg("indices").noconvert(), nb::arg("values").noconvert());
  m.def(
      "toploc_build",
      [](const Bits& bits, const Lengths& lengths, std::uint32_t k, bool lower_index_first) {
        std::vector<Bytes> proofs;
        for (const toploc::Proof& proof : unwrap(without_gil(
                 [&] { return toploc::build(span_of_array(bits), lengths, k, rule_of(lower_index_first)); })))
          proofs.push_back(proof.encode());
        return to_python_list(proofs);
      },
      nb::arg("bits").noconvert(), nb::arg("lengths"), nb::arg("k"), nb::arg("lower_index_first"));
  m.def(
      "toploc_check",
      [](const nb::bytes& proof, std::uint32_t k) {
        (void)unwrap_read(toploc::Proof::decode(span_of(proof), k, "proof"));
      },
      nb::arg("proof"), nb::arg("k"));
}

/// A number as a caller gives it, which may be negative.
template <class T>
T to_unsigned(std::int64_t number, const char* place) {
  if (number < 0 || static_cast<std::uint64_t>(number) > std::numeric_limits<T>::max())
    throw Failure{{ErrorCode::kOutOfRange, place, std::to_string(number) + " is out of range"}};
  return static_cast<T>(number);
}

void bind_parameters(nb::module_& m) {
  nb::class_<Parameters> parameters(m, "ToplocParameters");
  parameters
      .def(
          "__init__",
          [](Parameters* self, std::int64_t topk, std::int64_t decode_batching_size,
             std::int64_t prefill_rows, std::int64_t merge_tail_below, bool lower_index_first) {
            const Parameters made{to_unsigned<std::uint32_t>(topk, "topk"),
                                  {to_unsigned<std::uint32_t>(decode_batching_size, "decode_batching_size"),
                                   to_unsigned<std::uint64_t>(prefill_rows, "prefill_rows"),
                                   to_unsigned<std::uint32_t>(merge_tail_below, "merge_tail_below")},
                                  rule_of(lower_index_first)};
            unwrap(made.validate());
            new (self) Parameters(made);
          },
          nb::kw_only(), nb::arg("topk") = 128, nb::arg("decode_batching_size") = 32,
          nb::arg("prefill_rows") = 0, nb::arg("merge_tail_below") = 0, nb::arg("lower_index_first") = false)
      .def_ro("topk", &Parameters::topk)
      .def_prop_ro("decode_batching_size",
                   [](const Parameters& p) { return p.batching.decode_batching_size; })
      .def_prop_ro("prefill_rows", [](const Parameters& p) { return p.batching.prefill_rows; })
      .def_prop_ro("merge_tail_below", [](const Parameters& p) { return p.batching.merge_tail_below; })
      .def_prop_ro("lower_index_first",
                   [](const Parameters& p) { return p.ties == toploc::TieRule::kLowerIndex; })
      .def_prop_ro("proof_size", [](const Parameters& p) { return toploc::proof_size(p.topk); })
      .def(
          "chunk_lengths",
          [](const Parameters& p, std::uint64_t rows, std::uint64_t hidden) {
            return unwrap(toploc::chunk_lengths(rows, hidden, p.batching));
          },
          nb::arg("rows"), nb::arg("hidden"))
      .def(
          "rows_of_answer",
          [](const Parameters& p, std::uint64_t prompt_tokens, std::uint64_t answer_tokens) {
            const toploc::RowRange rows = toploc::rows_of_answer(prompt_tokens, answer_tokens, p.batching);
            return std::pair(rows.first, rows.count);
          },
          nb::arg("prompt_tokens"), nb::arg("answer_tokens"));
  bind_equality(parameters);
}

void bind_chunk_comparison(nb::module_& m) {
  nb::class_<Comparison>(m, "ToplocComparison")
      .def_ro("points", &Comparison::points)
      .def_ro("modulus", &Comparison::modulus)
      .def_ro("exponent_mismatches", &Comparison::exponent_mismatches)
      .def_ro("sign_mismatches", &Comparison::sign_mismatches)
      .def_ro("distinct_values", &Comparison::distinct_values)
      .def_ro("distinct_own", &Comparison::distinct_own)
      .def_ro("nonfinite_own", &Comparison::nonfinite_own)
      .def_ro("rows", &Comparison::rows)
      .def_ro("mantissa_mean", &Comparison::mantissa_mean)
      .def_ro("mantissa_median", &Comparison::mantissa_median)
      .def_ro("mantissa_median_upper", &Comparison::mantissa_median_upper)
      .def("to_json", &Comparison::to_json);
  nb::class_<Statistics>(m, "ToplocStatistics")
      .def_ro("chunks", &Statistics::chunks)
      .def_ro("points", &Statistics::points)
      .def_ro("counted_points", &Statistics::counted_points)
      .def_ro("exponent_mismatches", &Statistics::exponent_mismatches)
      .def_ro("sign_mismatches", &Statistics::sign_mismatches)
      .def_ro("mantissa_mean", &Statistics::mantissa_mean)
      .def_ro("mantissa_median", &Statistics::mantissa_median)
      .def_ro("dispersion", &Statistics::dispersion)
      .def_ro("worst_chunk_exponent_mismatches", &Statistics::worst_chunk_exponent_mismatches)
      .def_ro("worst_chunk_dispersion", &Statistics::worst_chunk_dispersion);
  m.def(
      "toploc_compare",
      [](const nb::bytes& proof, const Words& indices, const Bits& values, std::uint64_t rows) {
        const ByteSpan bytes = span_of(proof);
        const auto k = static_cast<std::uint32_t>(std::min<std::size_t>(indices.size(), UINT32_MAX));
        const toploc::Proof decoded =
            unwrap_read(without_gil([&] { return toploc::Proof::decode(bytes, k, "proof"); }));
        Comparison found = unwrap(without_gil(
            [&] { return toploc::compare(decoded, span_of_array(indices), span_of_array(values)); }));
        found.rows = rows;
        return found;
      },
      nb::arg("proof"), nb::arg("indices").noconvert(), nb::arg("values").noconvert(), nb::arg("rows"));
  m.def("toploc_compare_chunks", &compare_chunks, nb::arg("proofs"), nb::arg("bits").noconvert(),
        nb::arg("lengths"), nb::arg("rows"), nb::arg("k"), nb::arg("lower_index_first"));
  m.def(
      "toploc_statistics",
      [](const std::vector<Comparison>& comparisons) { return toploc::statistics_of(comparisons); },
      nb::arg("comparisons"));
}

Digest answer_seed(const std::vector<std::uint32_t>& prompt, const std::vector<std::uint32_t>& output,
                   const std::vector<nb::bytes>& proofs, const std::vector<nb::bytes>& committed) {
  std::vector<Digest> digests;
  digests.reserve(committed.size());
  for (const nb::bytes& digest : committed) digests.push_back(to_digest(digest, "committed"));
  return toploc::answer_seed(prompt, output, to_bytes(proofs), digests);
}

void bind_fingerprints(nb::module_& m) {
  m.def(
      "fingerprint_answer_seed",
      [](const std::vector<std::uint32_t>& prompt, const std::vector<std::uint32_t>& output,
         const std::vector<nb::bytes>& proofs, const std::vector<nb::bytes>& committed) {
        return to_python(answer_seed(prompt, output, proofs, committed));
      },
      nb::arg("prompt"), nb::arg("output"), nb::arg("proofs"), nb::arg("committed"));
  m.def(
      "fingerprint_project",
      [](const StateRows& rows, const nb::bytes& seed, std::uint32_t d) {
        const Digest drawn = to_digest(seed, "seed");
        return to_rows(unwrap(without_gil([&] { return project(rows, drawn, d); })));
      },
      nb::arg("rows").noconvert(), nb::arg("seed"), nb::arg("d"));
  m.def(
      "fingerprint_encode",
      [](const FloatRows& values, std::uint32_t hidden, const nb::bytes& seed) {
        const Fingerprint fingerprint = to_fingerprint(values, hidden, to_digest(seed, "seed"));
        unwrap(fingerprint.validate());
        return to_python(fingerprint.encode());
      },
      nb::arg("values").noconvert(), nb::arg("hidden"), nb::arg("seed"));
  m.def(
      "fingerprint_decode",
      [](const nb::bytes& data, std::string_view place) {
        Fingerprint fingerprint = unwrap_read(Fingerprint::decode(span_of(data), place));
        const std::uint32_t hidden = fingerprint.hidden;
        const nb::bytes seed = to_python(fingerprint.seed);
        return std::tuple(to_rows(std::move(fingerprint)), hidden, seed);
      },
      nb::arg("data"), nb::arg("place"));
  m.def(
      "fingerprint_distance",
      [](const FloatRows& theirs, const FloatRows& own, std::uint32_t hidden) {
        return unwrap(toploc::distance(to_fingerprint(theirs, hidden, {}), to_fingerprint(own, hidden, {})));
      },
      nb::arg("theirs").noconvert(), nb::arg("own").noconvert(), nb::arg("hidden"));
  m.def(
      "fingerprint_verify",
      [](const nb::bytes& data, const StateRows& rows, const nb::bytes& seed, std::uint32_t d,
         const Profile& bounds) {
        const Digest drawn = to_digest(seed, "seed");
        const ByteSpan bytes = span_of(data);
        const Fingerprint theirs =
            unwrap_read(without_gil([&] { return Fingerprint::decode(bytes, "fingerprint"); }));
        return unwrap(
            without_gil([&] { return toploc::verify(theirs, own_states(rows), drawn, d, bounds); }));
      },
      nb::arg("data"), nb::arg("rows").noconvert(), nb::arg("seed"), nb::arg("d"), nb::arg("profile"));
}

}  // namespace

std::vector<Bytes> to_bytes(const std::vector<nb::bytes>& proofs) {
  std::vector<Bytes> out;
  out.reserve(proofs.size());
  for (const nb::bytes& proof : proofs) {
    const ByteSpan bytes = span_of(proof);
    out.emplace_back(bytes.begin(), bytes.end());
  }
  return out;
}

std::vector<nb::bytes> to_python_list(const std::vector<Bytes>& list) {
  std::vector<nb::bytes> out;
  out.reserve(list.size());
  for (const Bytes& bytes : list) out.push_back(to_python(bytes));
  return out;
}

void bind_toploc(nb::module_& m) {
  bind_proofs(m);
  bind_parameters(m);
  bind_chunk_comparison(m);
  bind_toploc_verdict(m);
  bind_fingerprints(m);
}

}  // namespace assay::python
