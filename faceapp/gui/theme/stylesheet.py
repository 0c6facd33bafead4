"""The one style sheet, made from the tokens.

Widgets say what they are by properties: ``kind`` of a button (``primary``, ``quiet``, ``danger``, ``tool``), ``role``
of a label, ``surface`` of a ground. Borders are always 2 px and transparent, so that a focus ring shifts nothing.
"""

from __future__ import annotations

import faceapp_resources
from faceapp.gui.theme.tokens import Tokens


def style_sheet(t: Tokens, more_contrast: bool = False) -> str:
    """Return the style sheet of a theme; ``more_contrast`` gives fields an edge."""
    return "\n".join((_grounds(t), _labels(t), _buttons(t), _fields(t, more_contrast), _lists(t), _rest(t)))


def _url(name: str) -> str:
    return faceapp_resources.path("icons", f"{name}.svg").as_posix()


def _grounds(t: Tokens) -> str:
    return f"""
    QMainWindow, QDialog {{ background: {t.window}; }}
    *[surface="canvas"] {{ background: {t.canvas}; }}
    *[surface="window"] {{ background: {t.window}; }}
    *[surface="panel"] {{ background: {t.panel}; }}
    *[surface="raised"] {{ background: {t.raised}; }}
    *[surface="card"] {{ background: {t.raised}; border-radius: 8px; }}
    *[surface="inset"] {{ background: {t.press}; border-radius: 6px; }}
    *[surface="floating"] {{ background: {t.raised if t.dark else t.panel}; border: 1px solid {t.line};
        border-radius: 10px; }}
    *[surface="bad"] {{ background: {t.red_tint}; border-radius: 8px; }}
    *[surface="check"] {{ background: {t.amber_tint}; border-radius: 8px; }}
    *[surface="good"] {{ background: {t.green_tint}; border-radius: 8px; }}
    *[surface="info"] {{ background: {t.info_tint}; border-radius: 8px; }}
    *[surface="line"] {{ background: {t.line}; }}
    QFrame[role="line"] {{ background: {t.line}; border: none; }}
    QSplitter::handle {{ background: {t.line}; }}
    QSplitter::handle:hover {{ background: {t.accent}; }}
    """


def _labels(t: Tokens) -> str:
    return f"""
    QLabel {{ color: {t.text}; background: transparent; }}
    QLabel:disabled {{ color: {t.text3}; }}
    QLabel[role="figure"] {{ font-size: 22px; font-weight: 600; }}
    QLabel[role="title"] {{ font-size: 15px; font-weight: 600; }}
    QLabel[role="strong"] {{ font-weight: 600; }}
    QLabel[role="section"] {{ font-size: 12px; font-weight: 600; color: {t.text2}; }}
    QLabel[role="body2"] {{ color: {t.text2}; }}
    QLabel[role="secondary"] {{ font-size: 12px; color: {t.text2}; }}
    QLabel[role="caption"] {{ font-size: 11px; color: {t.text3}; }}
    QLabel[role="good"] {{ font-size: 12px; color: {t.green}; }}
    QLabel[role="check"] {{ font-size: 12px; color: {t.amber}; }}
    QLabel[role="bad"] {{ font-size: 12px; color: {t.red}; }}
    QLabel[role="mono"] {{ font-family: "JetBrains Mono"; font-size: 12px; color: {t.text2}; }}
    QToolTip {{ background: {t.raised if t.dark else t.panel}; color: {t.text}; border: 1px solid {t.line};
        padding: 4px 6px; font-size: 12px; }}
    """


def _buttons(t: Tokens) -> str:
    disabled = t.edge
    return f"""
    QPushButton {{ background: {t.raised}; color: {t.text}; border: 2px solid transparent; border-radius: 6px;
        padding: 0 10px; min-height: 26px; max-height: 26px; font-weight: 500; }}
    QPushButton[tall="true"] {{ min-height: 32px; max-height: 32px; }}
    QPushButton[keyed="true"] {{ text-align: left; }}
    QPushButton:hover {{ background: {t.hover}; }}
    QPushButton:pressed {{ background: {t.press}; }}
    QPushButton:focus {{ border-color: {t.focus}; }}
    QPushButton:disabled {{ color: {disabled}; background: {t.press if t.dark else t.raised}; }}
    QPushButton:checked {{ background: {t.selection}; }}
    QPushButton[kind="primary"] {{ background: {t.fill}; color: {t.on_fill}; font-weight: 600; }}
    QPushButton[kind="primary"]:hover {{ background: {t.fill_hover}; }}
    QPushButton[kind="primary"]:pressed {{ background: {t.fill}; }}
    QPushButton[kind="primary"]:focus {{ border-color: {t.text}; }}
    QPushButton[kind="primary"]:disabled {{ background: {t.raised}; color: {disabled}; }}
    *[asking="true"] QPushButton[kind="primary"] {{ background: {t.raised}; color: {t.text}; }}
    *[asking="true"] QPushButton[kind="primary"]:hover {{ background: {t.hover}; }}
    *[asking="true"] QPushButton[kind="primary"]:disabled {{ color: {disabled}; }}
    QPushButton[kind="quiet"] {{ background: transparent; color: {t.text2}; }}
    QPushButton[kind="quiet"]:hover {{ background: {t.raised}; color: {t.text}; }}
    QPushButton[kind="quiet"]:disabled {{ background: transparent; color: {disabled}; }}
    QPushButton[kind="danger"] {{ background: {t.red_tint}; color: {t.red}; font-weight: 600; }}
    QPushButton[kind="danger"]:hover {{ background: {t.red_tint_hover}; }}
    QPushButton[kind="danger"]:disabled {{ background: {t.press if t.dark else t.raised}; color: {disabled}; }}
    QToolButton {{ background: transparent; color: {t.text2}; border: 2px solid transparent; border-radius: 6px;
        padding: 0; font-weight: 500; }}
    QToolButton:hover {{ background: {t.hover}; }}
    QToolButton:pressed {{ background: {t.press}; }}
    QToolButton:checked {{ background: {t.selection}; color: {t.text}; }}
    QToolButton:focus {{ border-color: {t.focus}; }}
    QToolButton::menu-indicator {{ image: none; }}
    QToolButton[kind="crumb"] {{ color: {t.text2}; padding: 0 4px; font-weight: 400; }}
    QToolButton[kind="crumb"][last="true"] {{ color: {t.text}; font-weight: 600; }}
    QFrame[role="segments"] {{ background: {t.press if t.dark else t.raised}; border-radius: 6px; }}
    QFrame[role="segments"][floating="true"] {{ background: {t.canvas if t.dark else t.raised}; }}
    QToolButton[kind="segment"] {{ padding: 0 12px; border-radius: 5px; color: {t.text2}; }}
    QToolButton[kind="segment"][tight="true"] {{ padding: 0 4px; }}
    QToolButton[kind="segment"]:hover {{ color: {t.text}; background: transparent; }}
    QToolButton[kind="segment"]:checked {{ background: {t.hover if t.dark else t.panel}; color: {t.text};
        font-weight: 600; }}
    """


def _fields(t: Tokens, more_contrast: bool) -> str:
    rim = t.edge if more_contrast else (t.field if t.dark else t.line)
    tick = _url("check-on-fill")
    arrow, up = _url(f"caret-down-{t.name}"), _url(f"caret-up-{t.name}")
    return f"""
    QLineEdit, QSpinBox, QDoubleSpinBox, QComboBox, QPlainTextEdit {{ background: {t.field}; color: {t.text};
        border: 1px solid {rim}; border-radius: 6px; padding: 1px 9px; selection-background-color: {t.selection};
        selection-color: {t.text}; }}
    QLineEdit, QSpinBox, QDoubleSpinBox, QComboBox {{ min-height: 26px; max-height: 26px; }}
    *[surface="raised"] QLineEdit, *[surface="raised"] QAbstractSpinBox, *[surface="raised"] QComboBox {{
        background: {t.panel}; }}
    QLineEdit:focus, QSpinBox:focus, QDoubleSpinBox:focus, QComboBox:focus, QPlainTextEdit:focus {{
        border: 2px solid {t.focus}; padding: 0 8px; }}
    QLineEdit[wrong="true"], QSpinBox[wrong="true"], QDoubleSpinBox[wrong="true"] {{ border: 1px solid {t.red}; }}
    QLineEdit:disabled, QSpinBox:disabled, QDoubleSpinBox:disabled, QComboBox:disabled {{ color: {t.edge};
        background: {t.press if t.dark else t.raised}; }}
    QAbstractSpinBox::up-button, QAbstractSpinBox::down-button {{ background: transparent; border: none; width: 16px; }}
    QAbstractSpinBox[bare="true"]::up-button, QAbstractSpinBox[bare="true"]::down-button {{ width: 6px; }}
    QAbstractSpinBox::up-arrow {{ image: url("{up}"); width: 10px; height: 10px; }}
    QAbstractSpinBox::down-arrow {{ image: url("{arrow}"); width: 10px; height: 10px; }}
    QAbstractSpinBox[bare="true"]::up-arrow, QAbstractSpinBox[bare="true"]::down-arrow {{ image: none; }}
    QPlainTextEdit[role="details"] {{ background: {t.canvas if t.dark else t.hover}; color: {t.text2}; border: none;
        border-radius: 6px; padding: 6px 8px; }}
    QComboBox::drop-down {{ border: none; width: 24px; }}
    QComboBox::down-arrow {{ image: url("{arrow}"); width: 12px; height: 12px; }}
    QComboBox QAbstractItemView {{ background: {t.raised if t.dark else t.panel}; border: 1px solid {t.line};
        border-radius: 6px; padding: 4px; outline: none; selection-background-color: {t.selection}; }}
    QCheckBox {{ color: {t.text}; spacing: 8px; border: 2px solid transparent; border-radius: 5px; }}
    QCheckBox:focus {{ border-color: {t.focus}; }}
    QCheckBox:disabled {{ color: {t.edge}; }}
    QCheckBox::indicator {{ width: 14px; height: 14px; border: 1px solid {t.edge}; border-radius: 4px;
        background: {t.panel}; }}
    QCheckBox::indicator:checked {{ background: {t.fill}; border-color: {t.fill}; image: url("{tick}"); }}
    QRadioButton {{ color: {t.text}; spacing: 8px; }}
    QRadioButton::indicator {{ width: 12px; height: 12px; border: 1px solid {t.edge}; border-radius: 7px;
        background: {t.panel}; }}
    QRadioButton::indicator:checked {{ border: 4px solid {t.accent}; width: 6px; height: 6px; background: {t.panel}; }}
    QSlider::groove:horizontal {{ height: 4px; background: {t.line}; border-radius: 2px; }}
    QSlider::sub-page:horizontal {{ background: {t.accent}; border-radius: 2px; }}
    QSlider::handle:horizontal {{ width: 14px; margin: -5px 0; border-radius: 7px; background: {t.text}; }}
    """


def _lists(t: Tokens) -> str:
    return f"""
    QAbstractItemView {{ background: {t.panel}; border: none; outline: none; color: {t.text};
        selection-background-color: {t.selection}; selection-color: {t.text}; }}
    QHeaderView {{ background: {t.panel}; border: none; }}
    QHeaderView::section {{ background: {t.panel}; color: {t.text2}; border: none;
        border-bottom: 1px solid {t.line}; padding: 6px 8px; font-size: 12px; font-weight: 500; }}
    QScrollArea {{ background: transparent; border: none; }}
    QScrollArea > QWidget > QWidget {{ background: transparent; }}
    QScrollBar:vertical {{ background: transparent; width: 10px; margin: 0; }}
    QScrollBar:horizontal {{ background: transparent; height: 10px; margin: 0; }}
    QScrollBar::handle {{ background: {t.hover if t.dark else t.press}; border-radius: 3px; margin: 2px; }}
    QScrollBar::handle:vertical {{ min-height: 32px; }}
    QScrollBar::handle:horizontal {{ min-width: 32px; }}
    QScrollBar::handle:hover {{ background: {t.edge}; }}
    QScrollBar::add-line, QScrollBar::sub-line, QScrollBar::add-page, QScrollBar::sub-page {{
        background: none; border: none; width: 0; height: 0; }}
    """


def _rest(t: Tokens) -> str:
    float_ground = t.raised if t.dark else t.panel
    return f"""
    QMenuBar {{ background: transparent; color: {t.text}; border: none; padding: 0; }}
    QMenuBar::item {{ background: transparent; padding: 6px 10px; border-radius: 6px; }}
    QMenuBar::item:selected {{ background: {t.hover}; }}
    QMenu {{ background: {float_ground}; color: {t.text}; border: 1px solid {t.line}; padding: 4px; }}
    QMenu::item {{ padding: 6px 28px 6px 10px; border-radius: 5px; }}
    QMenu::item:selected {{ background: {t.selection}; }}
    QMenu::item:disabled {{ color: {t.edge}; }}
    QMenu::separator {{ height: 1px; background: {t.line}; margin: 4px 6px; }}
    QMenu::icon {{ padding-left: 8px; }}
    QProgressBar {{ background: {t.line}; border: none; border-radius: 2px; max-height: 4px; min-height: 4px; }}
    QProgressBar::chunk {{ background: {t.accent}; border-radius: 2px; }}
    QTabBar::tab {{ background: transparent; color: {t.text2}; padding: 6px 12px; border: none; }}
    QTabBar::tab:selected {{ color: {t.text}; font-weight: 600; }}
    """
