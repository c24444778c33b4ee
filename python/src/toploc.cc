// Locality-sensitive activation proofs, profiles, and fingerprints.
#include "assay/toploc.h"

#include <filesystem>
#include <string>

#include "bindings.h"

namespace assay::python {
namespace {

using toploc::Comparison;
using toploc::Conditions;
using toploc::Fingerprint;
using toploc::Profile;
using toploc::ProofFile;
using toploc::Statistics;
using toploc::TieRule;

/// bf16 patterns, indices, residues: arrays of exactly these types.
using Bits = nb::ndarray<const std::uint16_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Words = nb::ndarray<const std::uint32_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using NewWords = nb::ndarray<nb::numpy, std::uint32_t, nb::ndim<1>>;
using BitRows = nb::ndarray<const std::uint16_t, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using FloatRows = nb::ndarray<const float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using NewFloatRows = nb::ndarray<nb::numpy, float, nb::ndim<2>>;
using States = std::variant<BitRows, FloatRows>;
using Lengths = std::vector<std::uint64_t>;

template <class Array>
auto span_of_array(const Array& array) {
  return std::span(array.data(), array.size());
}

/// A numpy array that owns the vector.
template <class NewArray, class T>
NewArray to_array(std::vector<T> values, std::initializer_list<std::size_t> shape) {
  auto kept = std::make_unique<std::vector<T>>(std::move(values));
  T* data = kept->data();
  const nb::capsule owner(kept.release(), [](void* p) noexcept { delete static_cast<std::vector<T>*>(p); });
  return NewArray(data, shape, owner);
}
NewWords to_array(std::vector<std::uint32_t> values) {
  const std::size_t size = values.size();
  return to_array<NewWords>(std::move(values), {size});
}

TieRule rule_of(bool lower_index_first) {
  return lower_index_first ? TieRule::kLowerIndex : TieRule::kLibstdcxx;
}

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

Result<std::vector<toploc::Proof>> decode_all(const std::vector<Bytes>& proofs, std::uint32_t k) {
  std::vector<toploc::Proof> decoded;
  decoded.reserve(proofs.size());
  for (std::size_t i = 0; i < proofs.size(); ++i) {
    Result<toploc::Proof> proof = toploc::Proof::decode(proofs[i], k, "proof " + std::to_string(i));
    if (!proof.ok()) return proof.error();
    decoded.push_back(std::move(proof).value());
  }
  return decoded;
}

std::vector<Comparison> compare_chunks(const std::vector<nb::bytes>& proofs, const Bits& bits,
                                       const Lengths& lengths, std::uint32_t k, bool lower_index_first) {
  const std::vector<Bytes> given = to_bytes(proofs);
  if (given.size() != lengths.size())
    throw Failure{
        {ErrorCode::kMismatch, "proofs",
         std::to_string(given.size()) + " proofs for " + std::to_string(lengths.size()) + " chunks"}};
  const std::vector<toploc::Proof> decoded = unwrap_read(without_gil([&] { return decode_all(given, k); }));
  return unwrap(without_gil([&] {
    return toploc::compare_all(decoded, span_of_array(bits), lengths, k, rule_of(lower_index_first));
  }));
}

Result<Fingerprint> project(const States& states, const Digest& seed, std::uint32_t dimensions) {
  return std::visit(
      [&](const auto& rows) {
        // A width beyond 32 bits is beyond what is taken anyway.
        const auto hidden = static_cast<std::uint32_t>(std::min<std::size_t>(rows.shape(1), UINT32_MAX));
        return Fingerprint::project(span_of_array(rows), hidden, seed, dimensions);
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
  m.def(
      "toploc_select",
      [](const Bits& bits, std::uint32_t k, bool lower_index_first) {
        return to_array(unwrap(
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
        return to_array(
            unwrap(without_gil([&] { return toploc::interpolate(span_of_array(x), span_of_array(y)); })));
      },
      nb::arg("x").noconvert(), nb::arg("y").noconvert());
  m.def(
      "toploc_evaluate",
      [](const Words& coefficients, const Words& x) {
        return to_array(unwrap(
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
  m.def(
      "toploc_chunk_lengths",
      [](std::uint64_t rows, std::uint64_t hidden, std::uint32_t decode_batching_size,
         std::uint64_t prefill_rows, std::uint32_t merge_tail_below) {
        return unwrap(
            toploc::chunk_lengths(rows, hidden, {decode_batching_size, prefill_rows, merge_tail_below}));
      },
      nb::arg("rows"), nb::arg("hidden"), nb::arg("decode_batching_size"), nb::arg("prefill_rows") = 0,
      nb::arg("merge_tail_below") = 0);
}

void bind_comparison(nb::module_& m) {
  nb::class_<Comparison>(m, "ToplocComparison")
      .def_ro("points", &Comparison::points)
      .def_ro("modulus", &Comparison::modulus)
      .def_ro("exponent_mismatches", &Comparison::exponent_mismatches)
      .def_ro("sign_mismatches", &Comparison::sign_mismatches)
      .def_ro("distinct_values", &Comparison::distinct_values)
      .def_ro("distinct_own", &Comparison::distinct_own)
      .def_ro("nonfinite_own", &Comparison::nonfinite_own)
      .def_ro("mantissa_mean", &Comparison::mantissa_mean)
      .def_ro("mantissa_median", &Comparison::mantissa_median)
      .def_ro("mantissa_median_upper", &Comparison::mantissa_median_upper);
  nb::class_<Statistics>(m, "ToplocStatistics")
      .def_ro("chunks", &Statistics::chunks)
      .def_ro("points", &Statistics::points)
      .def_ro("exponent_mismatches", &Statistics::exponent_mismatches)
      .def_ro("sign_mismatches", &Statistics::sign_mismatches)
      .def_ro("mantissa_mean", &Statistics::mantissa_mean)
      .def_ro("mantissa_median", &Statistics::mantissa_median)
      .def_ro("dispersion", &Statistics::dispersion)
      .def_ro("worst_chunk_exponent_mismatches", &Statistics::worst_chunk_exponent_mismatches)
      .def_ro("worst_chunk_dispersion", &Statistics::worst_chunk_dispersion);
  m.def(
      "toploc_compare",
      [](const nb::bytes& proof, const Words& indices, const Bits& values) {
        const ByteSpan bytes = span_of(proof);
        const auto k = static_cast<std::uint32_t>(std::min<std::size_t>(indices.size(), UINT32_MAX));
        const toploc::Proof decoded =
            unwrap_read(without_gil([&] { return toploc::Proof::decode(bytes, k, "proof"); }));
        return unwrap(without_gil(
            [&] { return toploc::compare(decoded, span_of_array(indices), span_of_array(values)); }));
      },
      nb::arg("proof"), nb::arg("indices").noconvert(), nb::arg("values").noconvert());
  m.def("toploc_compare_chunks", &compare_chunks, nb::arg("proofs"), nb::arg("bits").noconvert(),
        nb::arg("lengths"), nb::arg("k"), nb::arg("lower_index_first"));
  m.def(
      "toploc_statistics",
      [](const std::vector<Comparison>& comparisons) { return toploc::statistics_of(comparisons); },
      nb::arg("comparisons"));
}

void bind_profile(nb::module_& m) {
  nb::class_<Profile> profile(m, "ToplocProfile");
  profile
      .def(
          "__init__",
          [](Profile* self, std::string name, std::string model, std::string dtype, std::string kernel,
             std::uint32_t topk, std::uint32_t decode_batching_size, double exponent_mismatches,
             double mantissa_mean, double mantissa_median, double sign_mismatches, double dispersion,
             double chunk_exponent_mismatches, double deviating_share, std::uint64_t minimum_points,
             std::optional<double> false_alarm_bound, std::uint64_t honest_sequences,
             std::uint64_t honest_chunks, std::optional<double> fingerprint_distance) {
            Profile made{std::move(name),
                         std::move(model),
                         std::move(dtype),
                         std::move(kernel),
                         topk,
                         decode_batching_size,
                         exponent_mismatches,
                         mantissa_mean,
                         mantissa_median,
                         sign_mismatches,
                         dispersion,
                         chunk_exponent_mismatches,
                         deviating_share,
                         minimum_points,
                         false_alarm_bound,
                         honest_sequences,
                         honest_chunks,
                         fingerprint_distance};
            unwrap(made.validate());
            new (self) Profile(std::move(made));
          },
          nb::kw_only(), nb::arg("name"), nb::arg("model") = "", nb::arg("dtype") = "bfloat16",
          nb::arg("kernel") = "", nb::arg("topk") = 0, nb::arg("decode_batching_size") = 0,
          nb::arg("exponent_mismatches"), nb::arg("mantissa_mean"), nb::arg("mantissa_median"),
          nb::arg("sign_mismatches"), nb::arg("dispersion"), nb::arg("chunk_exponent_mismatches"),
          nb::arg("deviating_share"), nb::arg("minimum_points"), nb::arg("false_alarm_bound") = nb::none(),
          nb::arg("honest_sequences") = 0, nb::arg("honest_chunks") = 0,
          nb::arg("fingerprint_distance") = nb::none())
      .def_static("published", &Profile::published)
      .def_static(
          "load", [](const std::string& path) { return unwrap_read(Profile::read(path)); }, nb::arg("path"))
      .def_static(
          "from_json", [](std::string_view text) { return unwrap_read(Profile::from_json(text, "profile")); },
          nb::arg("text"))
      .def("to_json", &Profile::to_json)
      .def(
          "save", [](const Profile& p, const std::string& path) { unwrap(p.write(path)); }, nb::arg("path"))
      .def(
          "__eq__", [](const Profile& a, const Profile& b) { return a == b; }, nb::is_operator(),
          nb::sig("def __eq__(self, arg: object, /) -> bool"));
  profile.def_ro("name", &Profile::name)
      .def_ro("model", &Profile::model)
      .def_ro("dtype", &Profile::dtype)
      .def_ro("kernel", &Profile::kernel)
      .def_ro("topk", &Profile::topk)
      .def_ro("decode_batching_size", &Profile::decode_batching_size)
      .def_ro("exponent_mismatches", &Profile::exponent_mismatches)
      .def_ro("mantissa_mean", &Profile::mantissa_mean)
      .def_ro("mantissa_median", &Profile::mantissa_median)
      .def_ro("sign_mismatches", &Profile::sign_mismatches)
      .def_ro("dispersion", &Profile::dispersion)
      .def_ro("chunk_exponent_mismatches", &Profile::chunk_exponent_mismatches)
      .def_ro("deviating_share", &Profile::deviating_share)
      .def_ro("minimum_points", &Profile::minimum_points)
      .def_ro("false_alarm_bound", &Profile::false_alarm_bound)
      .def_ro("honest_sequences", &Profile::honest_sequences)
      .def_ro("honest_chunks", &Profile::honest_chunks)
      .def_ro("fingerprint_distance", &Profile::fingerprint_distance);
  nb::class_<Conditions>(m, "ToplocConditions")
      .def(
          "__init__",
          [](Conditions* self, std::uint32_t decode_batching_size, std::string model, std::string dtype,
             std::string attention) {
            new (self)
                Conditions{decode_batching_size, std::move(model), std::move(dtype), std::move(attention)};
          },
          nb::kw_only(), nb::arg("decode_batching_size") = 0, nb::arg("model") = "", nb::arg("dtype") = "",
          nb::arg("attention") = "");
  m.def("toploc_unmeasured", &toploc::unmeasured, nb::arg("profile"), nb::arg("conditions"));
  m.def(
      "toploc_deviating_chunks",
      [](const std::vector<Comparison>& comparisons, const Profile& bounds) {
        return toploc::deviating_chunks(comparisons, bounds);
      },
      nb::arg("comparisons"), nb::arg("profile"));
  m.def(
      "toploc_decide",
      [](const std::vector<Comparison>& comparisons, const Profile& bounds, const Conditions& conditions) {
        return toploc::decide(comparisons, bounds, conditions);
      },
      nb::arg("comparisons"), nb::arg("profile"), nb::arg("conditions"));
  m.def(
      "toploc_verify",
      [](const std::vector<nb::bytes>& proofs, const Bits& bits, const Lengths& lengths, std::uint32_t k,
         bool lower_index_first, const Profile& bounds, const Conditions& conditions) {
        const std::vector<Bytes> given = to_bytes(proofs);
        toploc::Verification found = unwrap(without_gil([&] {
          return toploc::verify(given, span_of_array(bits), lengths, k, rule_of(lower_index_first), bounds,
                                conditions);
        }));
        return std::pair(std::move(found.verdict), std::move(found.comparisons));
      },
      nb::arg("proofs"), nb::arg("bits").noconvert(), nb::arg("lengths"), nb::arg("k"),
      nb::arg("lower_index_first"), nb::arg("profile"), nb::arg("conditions"));
}

void bind_proof_file(nb::module_& m) {
  nb::class_<ProofFile>(m, "ToplocProofFile")
      .def(
          "__init__",
          [](ProofFile* self, const std::vector<nb::bytes>& proofs, std::uint32_t topk,
             std::uint32_t decode_batching_size, std::uint64_t rows, std::uint64_t hidden,
             std::uint64_t prefill_rows, std::uint32_t merge_tail_below, bool lower_index_first) {
            new (self) ProofFile{topk,
                                 {decode_batching_size, prefill_rows, merge_tail_below},
                                 rule_of(lower_index_first),
                                 rows,
                                 hidden,
                                 to_bytes(proofs)};
          },
          nb::arg("proofs"), nb::kw_only(), nb::arg("topk"), nb::arg("decode_batching_size"), nb::arg("rows"),
          nb::arg("hidden"), nb::arg("prefill_rows") = 0, nb::arg("merge_tail_below") = 0,
          nb::arg("lower_index_first") = false)
      .def_prop_ro("proofs", [](const ProofFile& f) { return to_python_list(f.proofs); })
      .def_ro("topk", &ProofFile::topk)
      .def_prop_ro("decode_batching_size", [](const ProofFile& f) { return f.batching.decode_batching_size; })
      .def_ro("rows", &ProofFile::rows)
      .def_ro("hidden", &ProofFile::hidden)
      .def_prop_ro("prefill_rows", [](const ProofFile& f) { return f.batching.prefill_rows; })
      .def_prop_ro("merge_tail_below", [](const ProofFile& f) { return f.batching.merge_tail_below; })
      .def_prop_ro("lower_index_first", [](const ProofFile& f) { return f.ties == TieRule::kLowerIndex; })
      .def("lengths",
           [](const ProofFile& f) { return unwrap(toploc::chunk_lengths(f.rows, f.hidden, f.batching)); })
      .def("encode",
           [](const ProofFile& f) {
             const std::string text = unwrap(f.encode());
             return nb::bytes(text.data(), text.size());
           })
      .def_static(
          "decode",
          [](const nb::bytes& data, std::string_view place) {
            const ByteSpan bytes = span_of(data);
            return unwrap_read(without_gil([&] {
              return ProofFile::decode({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, place);
            }));
          },
          nb::arg("data"), nb::arg("place"))
      .def_static(
          "read",
          [](const std::string& path) {
            return unwrap_read(without_gil([&] { return ProofFile::read(path); }));
          },
          nb::arg("path"))
      .def(
          "write", [](const ProofFile& f, const std::string& path) { unwrap(f.write(path)); },
          nb::arg("path"));
}

void bind_fingerprints(nb::module_& m) {
  m.def(
      "fingerprint_project",
      [](const States& rows, const nb::bytes& seed, std::uint32_t d) {
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
      [](const FloatRows& theirs, const FloatRows& own) {
        return unwrap(toploc::distance(to_fingerprint(theirs, 1, {}), to_fingerprint(own, 1, {})));
      },
      nb::arg("theirs").noconvert(), nb::arg("own").noconvert());
  m.def(
      "fingerprint_verify",
      [](const nb::bytes& data, const States& rows, const nb::bytes& seed, std::uint32_t d,
         const Profile& bounds) {
        const Fingerprint theirs = unwrap_read(Fingerprint::decode(span_of(data), "fingerprint"));
        const Digest drawn = to_digest(seed, "seed");
        const Fingerprint own = unwrap(without_gil([&] { return project(rows, drawn, d); }));
        return toploc::verify(theirs, own, bounds);
      },
      nb::arg("data"), nb::arg("rows").noconvert(), nb::arg("seed"), nb::arg("d"), nb::arg("profile"));
}

}  // namespace

void bind_toploc(nb::module_& m) {
  bind_proofs(m);
  bind_comparison(m);
  bind_profile(m);
  bind_proof_file(m);
  bind_fingerprints(m);
}

}  // namespace assay::python
