// Profiles, files of proofs, signatures, and the verdict on them.
#include "assay/toploc_verdict.h"

#include <exception>
#include <string>

#include "toploc.h"
#include "values.h"

namespace assay::python {
namespace {

using toploc::Asked;
using toploc::Comparison;
using toploc::Conditions;
using toploc::Offer;
using toploc::Parameters;
using toploc::Profile;
using toploc::ProofFile;
using toploc::Signature;

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
            Profile made{{std::move(name),
                          {std::move(model), std::move(dtype), std::move(kernel)},
                          false_alarm_bound,
                          honest_sequences},
                         honest_chunks,
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
          "save", [](const Profile& p, const std::string& path) { unwrap(p.write(path)); }, nb::arg("path"));
  bind_profile_value(profile);
  profile.def_ro("name", &Profile::name)
      .def_prop_ro("title", &Profile::title)
      .def_prop_ro("model", [](const Profile& p) { return p.conditions.model; })
      .def_prop_ro("dtype", [](const Profile& p) { return p.conditions.dtype; })
      .def_prop_ro("kernel", [](const Profile& p) { return p.conditions.kernel; })
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
      .def_ro("honest_sequences", &Profile::honest_runs)
      .def_ro("honest_chunks", &Profile::honest_chunks)
      .def_ro("fingerprint_distance", &Profile::fingerprint_distance);
}

void bind_conditions(nb::module_& m) {
  nb::class_<Conditions>(m, "Conditions")
      .def(
          "__init__",
          [](Conditions* self, std::string model, std::string dtype, std::string kernel) {
            new (self) Conditions{std::move(model), std::move(dtype), std::move(kernel)};
          },
          nb::kw_only(), nb::arg("model") = "", nb::arg("dtype") = "", nb::arg("kernel") = "");
  m.def(
      "rate_bound",
      [](std::uint64_t events, std::uint64_t trials, double confidence) {
        return unwrap(profile::rate_bound(events, trials, confidence));
      },
      nb::arg("events"), nb::arg("trials"), nb::arg("confidence") = profile::kConfidence);
  m.def(
      "unmeasured",
      [](const Profile& bounds, const Conditions& conditions) {
        return profile::unmeasured(bounds, conditions);
      },
      nb::arg("profile"), nb::arg("conditions"));
}

void bind_files(nb::module_& m) {
  nb::class_<ProofFile> file(m, "ToplocProofFile");
  file.def(
          "__init__",
          [](ProofFile* self, const Parameters& parameters, std::uint64_t rows, std::uint64_t hidden,
             const std::vector<nb::bytes>& proofs) {
            new (self) ProofFile{parameters, rows, hidden, to_bytes(proofs)};
          },
          nb::kw_only(), nb::arg("parameters"), nb::arg("rows"), nb::arg("hidden"), nb::arg("proofs"))
      .def_ro("parameters", &ProofFile::parameters)
      .def_ro("rows", &ProofFile::rows)
      .def_ro("hidden", &ProofFile::hidden)
      .def_prop_ro("proofs", [](const ProofFile& f) { return to_python_list(f.proofs); });
  bind_file<std::string_view>(file);
  bind_equality(file);
  nb::class_<Signature> signature(
      m, "ToplocSignature",
      "One answer: its tokens, the proofs of the states that they were produced from, and "
      "what the provider says of how it ran the model.");
  signature
      .def(
          "__init__",
          [](Signature* self, std::string model, std::string dtype, std::string attention,
             std::vector<std::uint32_t> prompt_token_ids, std::vector<std::uint32_t> output_token_ids,
             const Parameters& parameters, const std::vector<nb::bytes>& proofs, std::string prompt) {
            new (self) Signature{std::move(model),
                                 std::move(dtype),
                                 std::move(attention),
                                 std::move(prompt),
                                 std::move(prompt_token_ids),
                                 std::move(output_token_ids),
                                 parameters,
                                 to_bytes(proofs)};
          },
          nb::kw_only(), nb::arg("model") = "", nb::arg("dtype") = "", nb::arg("attention") = "",
          nb::arg("prompt_token_ids"), nb::arg("output_token_ids"), nb::arg("parameters") = Parameters{},
          nb::arg("proofs") = std::vector<nb::bytes>{}, nb::arg("prompt") = "")
      .def_ro("model", &Signature::model)
      .def_ro("dtype", &Signature::dtype)
      .def_ro("attention", &Signature::attention)
      .def_ro("prompt", &Signature::prompt)
      .def_ro("prompt_token_ids", &Signature::prompt_token_ids)
      .def_ro("output_token_ids", &Signature::output_token_ids)
      .def_ro("parameters", &Signature::parameters)
      .def_prop_ro("proofs", [](const Signature& s) { return to_python_list(s.proofs); });
  bind_file<std::string_view>(signature);
  bind_equality(signature);
}

using OfferedFile = std::variant<const ProofFile*, const Signature*>;

Offer to_offer(const OfferedFile& file) {
  return std::visit([](const auto* f) { return Offer::of(*f); }, file);
}

/// Takes the points of a chunk, and whether equal values at lower indices go first.
using Select = nb::typed<nb::callable, nb::typed<nb::tuple, Words, Bits>(std::size_t, bool)>;
using OwnValues = std::variant<Bits, Select>;

/// Verifies with the interpreter's lock where values are Python's to take, and otherwise without.
std::pair<Verdict, std::vector<Comparison>> verify(const Offer& offer, const Asked& asked,
                                                   toploc::States states, const OwnValues& own,
                                                   const Profile& bounds, const Conditions& conditions) {
  // No exception crosses the library: it waits here.
  std::exception_ptr raised;
  const Bits* bits = std::get_if<Bits>(&own);
  if (bits != nullptr) {
    states.values = span_of_array(*bits);
  } else {
    states.select = [&](std::size_t chunk, toploc::TieRule rule) -> Result<toploc::Points> {
      try {
        const nb::object given = std::get<Select>(own)(chunk, rule == toploc::TieRule::kLowerIndex);
        const auto [indices, values] = nb::cast<std::pair<Words, Bits>>(given);
        const auto where = span_of_array(indices);
        const auto what = span_of_array(values);
        return toploc::Points{{where.begin(), where.end()}, {what.begin(), what.end()}};
      } catch (...) {
        raised = std::current_exception();
        return Error{ErrorCode::kMismatch, "states", "their points were not taken"};
      }
    };
  }
  const auto run = [&] { return toploc::verify(offer, asked, states, bounds, conditions); };
  Result<toploc::Verification> found = bits != nullptr ? without_gil(run) : run();
  if (raised) std::rethrow_exception(raised);
  toploc::Verification kept = unwrap(std::move(found));
  return {std::move(kept.verdict), std::move(kept.comparisons)};
}

void bind_verify(nb::module_& m) {
  nb::class_<toploc::Prompt>(m, "ToplocPrompt")
      .def(
          "__init__",
          [](toploc::Prompt* self, std::string text, std::vector<std::uint32_t> token_ids) {
            new (self) toploc::Prompt{std::move(text), std::move(token_ids)};
          },
          nb::arg("text"), nb::arg("token_ids"));
  m.def(
      "toploc_fewest_tokens",
      [](const Parameters& asked, std::uint64_t most) { return toploc::fewest_tokens(asked.batching, most); },
      nb::arg("asked"), nb::arg("most"));
  m.def(
      "toploc_check_prompts",
      [](const std::vector<toploc::Prompt>& prompts) { unwrap(toploc::check_prompts(prompts)); },
      nb::arg("prompts"));
  m.def(
      "toploc_deviating_chunks",
      [](const std::vector<Comparison>& comparisons, const Profile& bounds) {
        return toploc::deviating_chunks(comparisons, bounds);
      },
      nb::arg("comparisons"), nb::arg("profile"));
  m.def(
      "toploc_decide",
      [](const std::vector<Comparison>& comparisons, const Profile& bounds) {
        return toploc::decide(comparisons, bounds);
      },
      nb::arg("comparisons"), nb::arg("profile"));
  m.def(
      "toploc_check_offer",
      [](const OfferedFile& file, const Parameters& asked, bool any_ties, std::uint64_t rows) {
        return unwrap(without_gil([&] {
          return toploc::check_offer(to_offer(file), {asked, any_ties}, rows);
        }));
      },
      nb::arg("file"), nb::arg("asked"), nb::arg("any_ties"), nb::arg("rows"));
  m.def(
      "toploc_check_answer",
      [](const Signature& signature, const toploc::Prompt& prompt, std::uint64_t least, std::uint64_t most,
         const std::vector<std::uint32_t>& ends) {
        return toploc::check_answer(signature, prompt, {least, most, ends});
      },
      nb::arg("signature"), nb::arg("prompt"), nb::arg("least"), nb::arg("most"), nb::arg("ends"));
  m.def(
      "toploc_verify",
      [](const OfferedFile& file, const Parameters& asked, bool any_ties, std::uint64_t rows,
         std::uint64_t hidden, const OwnValues& own, const Profile& bounds, const Conditions& conditions) {
        return verify(to_offer(file), {asked, any_ties}, toploc::States{rows, hidden, {}}, own, bounds,
                      conditions);
      },
      nb::arg("file"), nb::arg("asked"), nb::arg("any_ties"), nb::arg("rows"), nb::arg("hidden"),
      nb::arg("own").noconvert(), nb::arg("profile"), nb::arg("conditions"));
  m.def(
      "toploc_verify_proofs",
      [](const std::vector<nb::bytes>& proofs, const Parameters& asked, bool lower_index_first,
         std::uint64_t rows, const Lengths& lengths, const OwnValues& own, const Profile& bounds,
         const Conditions& conditions) {
        const std::vector<Bytes> given = to_bytes(proofs);
        Asked by_rule{asked, false};
        by_rule.parameters.ties = rule_of(lower_index_first);
        toploc::States states;
        states.rows = rows;
        states.lengths = lengths;
        return verify(Offer{given}, by_rule, std::move(states), own, bounds, conditions);
      },
      nb::arg("proofs"), nb::arg("asked"), nb::arg("lower_index_first"), nb::arg("rows"), nb::arg("lengths"),
      nb::arg("own").noconvert(), nb::arg("profile"), nb::arg("conditions"));
}

}  // namespace

void bind_toploc_verdict(nb::module_& m) {
  bind_profile(m);
  bind_conditions(m);
  bind_files(m);
  bind_verify(m);
}

}  // namespace assay::python
