// `assay srs dev`, `assay srs original`, `assay srs verify` and `assay srs trim`: public parameters. A
// ceremony makes some in verb_srs_ceremony.cc.
#include <fmt/format.h>

#include <optional>

#include "arguments.h"
#include "assay/kzg.h"
#include "base/file.h"
#include "base/try.h"
#include "parameters.h"
#include "program.h"
#include "report.h"
#include "verb_srs_kzg.h"

namespace assay::cli {
namespace {

namespace fs = std::filesystem;

struct DevOptions {
  std::string scheme = "tensor";
  std::string axes;
  std::optional<unsigned> log_size;
  std::uint64_t seed = 0;
  std::string out;
};

struct OriginalOptions {
  std::string axes;
  std::string out;
};

struct SrsVerifyOptions {
  std::string srs;
  std::string vk;
  std::string transcript;
};

struct TrimOptions {
  std::string srs;
  std::uint64_t from_level = 0;
  std::string out;
};

constexpr std::string_view kDevWarning =
    "anybody who knows the seed of a dev SRS can open a commitment to anything";
constexpr std::string_view kOriginalWarning =
    "everybody knows these secrets, and so everybody can open a commitment to anything: they are good for "
    "checking what the original pipeline published, and for nothing else";

Result<std::uint64_t> size_of_file(const fs::path& path) {
  std::error_code failure;
  const std::uint64_t size = fs::file_size(path, failure);
  if (failure) return Error{ErrorCode::kIo, path.string(), failure.message()};
  return size;
}

// Of an SRS and the verifier's part beside it, which were just made.
Result<int> report_made(const pst::Srs& srs, const std::string& out, std::string_view warning,
                        const Console& console) {
  const Axes& axes = srs.axes();
  const fs::path key_path = verifier_key_beside(out);
  const std::uint64_t srs_bytes = ASSAY_TRY(size_of_file(out));
  const std::uint64_t key_bytes = ASSAY_TRY(size_of_file(key_path));
  const std::string digest = to_hex(srs.verifier_key().digest());
  const std::string_view trust = pst::to_string(srs.verifier_key().trust);
  Json json;
  json["srs"] = out;
  json["srs_bytes"] = srs_bytes;
  json["vk"] = key_path.string();
  json["vk_bytes"] = key_bytes;
  json["axes"] = axes.sizes();
  json["num_values"] = axes.volume();
  json["srs_digest"] = digest;
  json["trust"] = trust;
  json["warnings"] = {warning};
  return console.report(
      json, {fmt::format("{}: {} bytes, for tensors of axes {} ({} values)", out, grouped(srs_bytes),
                         axes.to_string(), grouped(axes.volume())),
             fmt::format("{}: {} bytes, all that a verifier needs", key_path.string(), grouped(key_bytes)),
             "SRS digest " + digest, fmt::format("trust = {}: {}", trust, warning)});
}

Result<int> run_dev(const DevOptions& options, const Console& console) {
  if (options.scheme == "kzg") {
    if (!options.axes.empty() || !options.log_size)
      return Error{ErrorCode::kMalformed, "--scheme kzg", "give --log-size, and no --axes"};
    return run_kzg_dev(*options.log_size, options.seed, options.out, console);
  }
  if (options.scheme != "tensor")
    return Error{ErrorCode::kUnsupported, "--scheme",
                 fmt::format("'{}' is none of tensor, kzg", options.scheme)};
  if (options.axes.empty() || options.log_size)
    return Error{ErrorCode::kMalformed, "--scheme tensor", "give --axes, and no --log-size"};
  const Axes axes = ASSAY_TRY(Axes::parse(options.axes, "--axes"));
  return report_made(ASSAY_TRY(make_dev_srs(axes, options.seed, options.out)), options.out, kDevWarning,
                     console);
}

Result<int> run_original(const OriginalOptions& options, const Console& console) {
  const Axes axes = ASSAY_TRY(Axes::parse(options.axes, "--axes"));
  return report_made(ASSAY_TRY(make_original_srs(axes, options.out)), options.out, kOriginalWarning, console);
}

Result<int> run_verify_srs(const SrsVerifyOptions& options, const Console& console) {
  if (ASSAY_TRY(kzg::is_kzg_file(options.srs))) {
    if (!options.transcript.empty())
      return Error{ErrorCode::kMismatch, "--transcript", "is of a tensor SRS; this one is of the scheme kzg"};
    return run_kzg_verify(options.srs, options.vk, console);
  }
  const pst::Srs srs = ASSAY_TRY(pst::Srs::open(options.srs));
  const pst::VerifierKey& key = srs.verifier_key();
  std::optional<setup::Ceremony> ceremony;
  if (!options.transcript.empty()) ceremony = ASSAY_TRY(setup::Ceremony::read(options.transcript));
  Verdict verdict = ceremony ? pst::verify_with_transcript(srs, *ceremony) : pst::verify_srs(srs);
  if (key.trust == pst::Trust::kCeremony && !ceremony) verdict.add_note("transcript not seen");
  Json json = json_of(verdict);
  json["axes"] = key.axes.sizes();
  json["trust"] = key.label();
  json["srs_digest"] = to_hex(key.digest());
  json["transcript_seen"] = ceremony && verdict.ok();
  Lines lines(verdict);
  lines.texts.push_back("SRS digest " + to_hex(key.digest()));

  if (verdict.ok()) {
    const std::string shown =
        "shown: every level is the Lagrange basis of one set of secrets, those of the verifier's part" +
        std::string(ceremony ? ", and the transcript ends with them" : "");
    const std::string not_shown = fmt::format(
        "cannot be shown: that nobody knows the secrets ({}: {}); to trust them is for you to say: {}",
        ceremony ? "sound if one of the contributors forgot theirs" : "the file's own word", key.label(),
        ceremony ? fmt::format("assay trust add {} --label \"{}\"", options.srs, key.label())
                 : "assay trust add");
    json["shown"] = shown;
    json["not_shown"] = not_shown;
    lines.texts.insert(lines.texts.end(), {shown, not_shown});
    if (!options.vk.empty()) ASSAY_TRY(write_file(options.vk, key.encode()));
  }
  return console.report(json, lines, exit_code(verdict.outcome()));
}

Result<int> run_trim(const TrimOptions& options, const Console& console) {
  const pst::Srs srs = ASSAY_TRY(pst::Srs::open(options.srs));
  const std::size_t last = srs.axes().count() - 1;
  if (options.from_level < srs.first_level() || options.from_level > last)
    return Error{ErrorCode::kOutOfRange, "--from-level",
                 fmt::format("{} is not in {} to {}", options.from_level, srs.first_level(), last)};
  ASSAY_TRY(srs.write_levels(options.from_level, options.out));
  const std::uint64_t bytes = ASSAY_TRY(size_of_file(options.out));
  const std::string digest = to_hex(srs.verifier_key().digest());
  Json json;
  json["srs"] = options.out;
  json["srs_bytes"] = bytes;
  json["first_level"] = options.from_level;
  json["srs_digest"] = digest;
  return console.report(json, {fmt::format("{}: {} bytes, the levels from {} on", options.out, grouped(bytes),
                                           options.from_level),
                               "SRS digest " + digest});
}

}  // namespace

void add_srs(Program& program) {
  program.add_group("srs", "Make or check public parameters (an SRS)");

  const auto [dev_verb, dev] = program.add("srs dev", "Make development parameters from a seed",
                                           "assay srs dev --axes 6,6,6 --seed 7 --out six.srs", run_dev);
  add_option(dev_verb, "--scheme NAME", dev.scheme, "tensor (the default) or kzg");
  add_option(dev_verb, "--axes A,B,..", dev.axes, "of scheme tensor: shape of the tensors to commit to");
  add_option(dev_verb, "--log-size K", dev.log_size, "of scheme kzg: vectors of 2^K values");
  add_option(dev_verb, "--seed N", dev.seed, "the secrets come from it: anybody who knows it can cheat")
      ->required();
  add_option(dev_verb, "--out FILE", dev.out, "the SRS; the verifier's part goes beside it, ending in .vk")
      ->required();

  const auto [original_verb, original] =
      program.add("srs original",
                  "Make the parameters that the original pipeline had, of which everybody knows the secrets",
                  "assay srs original --axes 6,6,6,6,6,6,6,6 --out original.srs", run_original);
  add_option(original_verb, "--axes A,B,..", original.axes,
             "for each variable the degree bound: num_variables times degree_bound of proofs.json")
      ->required();
  add_option(original_verb, "--out FILE", original.out,
             "the SRS; the verifier's part goes beside it, ending in .vk")
      ->required();

  const auto [verify_verb, verify] =
      program.add("srs verify", "Check that an SRS is well formed; whether to trust it is another question",
                  "assay srs verify --srs six.srs --vk six.vk", run_verify_srs);
  add_option(verify_verb, "--srs,FILE FILE", verify.srs,
             "the SRS file, of either scheme; --srs may be left out")
      ->required();
  writes_file(add_option(verify_verb, "--vk FILE", verify.vk, "write the verifier's part here"));
  add_option(verify_verb, "--transcript FILE", verify.transcript,
             "of the ceremony that it claims to come from: a transcript, or the last powers");

  const auto [trim_verb, trim] = program.add(
      "srs trim", "Leave out the levels that a verifier of slices does not need; the digest stays the same",
      "assay srs trim --srs six.srs --from-level 1 --out six.level1.srs", run_trim);
  add_option(trim_verb, "--srs FILE", trim.srs, "the SRS file")->required();
  add_option(trim_verb, "--from-level I", trim.from_level,
             "the first level to keep: as many as the leading axes that slices fix, 1 for layers")
      ->required();
  add_option(trim_verb, "--out FILE", trim.out, "the smaller file")->required();
  add_srs_ceremony(program);
  add_srs_import(program);
}

}  // namespace assay::cli
