// Errors and verdicts as Python sees them, rows of field elements, threads and kernels.
#include "assay/base.h"
#include "assay/error_line.h"
#include "assay/thread_limit.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "bindings.h"
#include "values.h"

namespace assay::python {
namespace {

std::string_view name_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kIo:
      return "io";
    case ErrorCode::kMalformed:
      return "malformed";
    case ErrorCode::kNonCanonical:
      return "non_canonical";
    case ErrorCode::kTooLarge:
      return "too_large";
    case ErrorCode::kOutOfRange:
      return "out_of_range";
    case ErrorCode::kMismatch:
      return "mismatch";
    case ErrorCode::kUnsupported:
      break;
  }
  return "unsupported";
}

/// What an error says may quote bytes that were to be read, and these need not be UTF-8.
nb::object text_of(const std::string& text) {
  return nb::steal<nb::object>(
      PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "backslashreplace"));
}

std::string_view view_of(const nb::bytes& text) { return {text.c_str(), text.size()}; }

void raise(const Failure& failure) {
  const Error& error = failure.error;
  const bool bad_bytes = failure.reading && error.code != ErrorCode::kIo;
  try {
    const nb::object type =
        nb::module_::import_("assay.errors").attr(bad_bytes ? "DecodeError" : "InputError");
    const nb::object raised = type(name_of(error.code), text_of(error.place), text_of(error.reason));
    PyErr_SetObject(type.ptr(), raised.ptr());
  } catch (nb::python_error& other) {
    other.restore();
  }
}

}  // namespace

std::vector<Scalar> read_rows(ByteSpan rows, std::string_view place) {
  if (rows.size() % 32 != 0)
    throw Failure{{ErrorCode::kMalformed, std::string(place), "not in rows of 32 bytes"}};
  std::vector<Scalar> scalars;
  scalars.reserve(rows.size() / 32);
  for (std::size_t i = 0; i < rows.size(); i += 32) {
    Result<Scalar> scalar = Scalar::from_bytes(rows.subspan(i, 32), place);
    if (!scalar.ok()) {
      Error error = scalar.error();
      error.place += ", row " + std::to_string(i / 32);
      throw Failure{std::move(error)};
    }
    scalars.push_back(*scalar);
  }
  return scalars;
}

std::vector<Scalar> read_rows(const Rows& rows, std::string_view place) {
  return read_rows(ByteSpan(rows.data(), rows.shape(0) * 32), place);
}

std::vector<Fr> read_elements(const Rows& rows, std::string_view place) {
  const std::vector<Scalar> scalars = read_rows(rows, place);
  std::vector<Fr> elements(scalars.size());
  std::transform(scalars.begin(), scalars.end(), elements.begin(), Fr::from_scalar);
  return elements;
}

NewRows to_rows(std::span<const Fr> elements) {
  Bytes rows;
  without_gil([&] {
    rows.reserve(elements.size() * 32);
    for (const Fr& element : elements) {
      const auto bytes = element.to_scalar().to_bytes();
      rows.insert(rows.end(), bytes.begin(), bytes.end());
    }
  });
  return to_array<NewRows>(std::move(rows), {elements.size(), 32});
}

Digest to_digest(const nb::bytes& bytes, std::string_view place) {
  Digest digest{};
  if (bytes.size() != digest.size()) {
    throw Failure{{ErrorCode::kMalformed, std::string(place), "a digest has 32 bytes"}};
  }
  std::ranges::copy(span_of(bytes), digest.begin());
  return digest;
}

Axes to_axes(const std::vector<std::uint64_t>& sizes) { return unwrap(Axes::from(sizes, "axes")); }

IntegerTuple to_tuple(std::span<const std::uint32_t> numbers) {
  return IntegerTuple(nb::tuple(nb::cast(std::vector<std::uint32_t>(numbers.begin(), numbers.end()))));
}

void bind_base(nb::module_& m) {
  nb::register_exception_translator([](const std::exception_ptr& thrown, void*) {
    try {
      std::rethrow_exception(thrown);
    } catch (const Failure& failure) {
      raise(failure);
    }
  });

  bind_verdict(m);
  m.def(
      "printable", [](const nb::bytes& text) { return printable(view_of(text)); }, nb::arg("text"));
  m.def(
      "error_line",
      [](const nb::bytes& text, std::size_t before) { return error_line(view_of(text), before); },
      nb::arg("text"), nb::arg("before"));
  m.def(
      "printable_json", [](const nb::bytes& text) { return printable_json(view_of(text)); }, nb::arg("text"));
  m.def(
      "exit_code",
      [](std::string_view outcome) {
        for (const Outcome one : {Outcome::kAccepted, Outcome::kRejected, Outcome::kInconclusive}) {
          if (to_string(one) == outcome) return exit_code(one);
        }
        throw Failure{{ErrorCode::kMalformed, "outcome", "none is called \"" + std::string(outcome) + "\""}};
      },
      nb::arg("outcome"));
  m.def(
      "set_thread_limit",
      [](std::uint64_t threads) {
        if (threads > kMaxThreads)
          throw Failure{{ErrorCode::kOutOfRange, "threads",
                         fmt::format("{} is not between 0 and {}", threads, kMaxThreads)}};
        set_thread_limit(static_cast<unsigned>(threads));
      },
      nb::arg("threads"));
  m.def("thread_limit", &thread_limit);
  m.def("available_kernels", &available_kernels);
  m.def("active_kernel", &active_kernel);
  m.def(
      "force_kernel", [](std::string_view name) { unwrap(force_kernel(name)); }, nb::arg("name"));
}

}  // namespace assay::python
